"""The U-Net of diffusion models (Ho et al. 2020, arXiv:2006.11239, appendix B), for any width."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.sizes import check_image_size


class UNet(nn.Module):
    """ε(x, t): an image N×C×S×S and timesteps N to an image of the same size, of `out` channels if
    they are to be others.

    It works at three resolutions, S, S/2 and S/4, with `width`, 2·`width` and 4·`width` channels,
    one residual block each on the way down and on the way up, and attention at the lowest. With
    `classes` an embedding of the image's class is added to that of the timestep, with `words` the
    mean of the embeddings of its text's words.
    """

    def __init__(  # noqa: PLR0913 - what it takes, gives and is told, each by name
        self,
        channels: int,
        size: int,
        width: int,
        *,
        out: int | None = None,
        classes: int = 0,
        words: int = 0,
    ) -> None:
        super().__init__()
        check_image_size(size)
        widths = (width, 2 * width, 4 * width)
        embedding = 4 * width
        self.embed = nn.Sequential(
            Sinusoidal(width), nn.Linear(width, embedding), nn.SiLU(),
            nn.Linear(embedding, embedding), nn.SiLU(),
        )  # fmt: skip
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.down = nn.ModuleList(Residual(w, w, embedding) for w in widths[:-1])
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.middle = Residual(widths[-1], widths[-1], embedding)
        self.attention = Attention(widths[-1])
        self.last_middle = Residual(widths[-1], widths[-1], embedding)
        self.grow = nn.ModuleList(
            nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairwise(widths)
        )
        self.up = nn.ModuleList(Residual(2 * w, w, embedding) for w in widths[:-1])
        self.last = nn.Sequential(
            group_norm(width), nn.SiLU(), zeroed(nn.Conv2d(width, out or channels, 3, padding=1))
        )
        # Made last, so that the other weights are those of a network without a condition.
        self.condition: nn.Module | None = None
        if classes:
            self.condition = nn.Embedding(classes, embedding)
        elif words:
            self.condition = nn.EmbeddingBag(words, embedding, mode="mean", padding_idx=0)

    def forward(self, x: Tensor, t: Tensor, condition: Tensor | None = None) -> Tensor:
        """x N×C×S×S float32, t N (any number type) and, if it has classes or words, labels int64 N
        or words int64 N×L → ε N×out×S×S.
        """
        time = self.embed(t)
        if self.condition is not None:
            time = time + self.condition(condition)
        h = self.first(x)
        skips = []
        for block, shrink in zip(self.down, self.shrink, strict=True):
            h = block(h, time)
            skips.append(h)
            h = shrink(h)
        h = self.last_middle(self.attention(self.middle(h, time)), time)
        for block, grow in zip(reversed(self.up), reversed(self.grow), strict=True):
            h = block(torch.cat([grow(h), skips.pop()], dim=1), time)
        epsilon: Tensor = self.last(h)
        return epsilon


class Residual(nn.Module):
    """Two convolutions around an added time embedding, beside a shortcut."""

    def __init__(self, channels: int, out: int, embedding: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            group_norm(channels), nn.SiLU(), nn.Conv2d(channels, out, 3, padding=1)
        )
        self.time = nn.Linear(embedding, out)
        self.second = nn.Sequential(
            group_norm(out), nn.SiLU(), zeroed(nn.Conv2d(out, out, 3, padding=1))
        )
        self.shortcut = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """x N×channels×S×S, time N×embedding → N×out×S×S."""
        h: Tensor = self.first(x) + self.time(time)[:, :, None, None]
        out: Tensor = self.second(h) + self.shortcut(x)
        return out


class Attention(nn.Module):
    """Self-attention over the positions of a feature map, one head, beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = group_norm(channels)
        self.project = nn.Conv2d(channels, 3 * channels, 1)
        self.out = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """x N×C×H×W → the same shape."""
        q, k, v = self.project(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, dim=-1)
        h = F.scaled_dot_product_attention(q, k, v)
        out: Tensor = x + self.out(h.transpose(1, 2).reshape(x.shape))
        return out


class Sinusoidal(nn.Module):
    """Sines and cosines of t at frequencies 1 … 10⁻⁴ (Vaswani et al. 2017, section 3.5)."""

    frequencies: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        exponents = torch.arange(half) / max(1, half - 1)
        frequencies = torch.exp(-math.log(10_000) * exponents)
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, t: Tensor) -> Tensor:
        """t N → N×width."""
        angles = t[:, None] * self.frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=1)


def group_norm(channels: int) -> nn.GroupNorm:
    """Group normalisation in four groups."""
    return nn.GroupNorm(4, channels)


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """Starts a layer at zero, so that the block it ends starts as the identity."""
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
