"""A small U-Net after DDPM's (Ho et al. 2020, arXiv:2006.11239, appendix B), for any width, and the
parts of both. `networks.ddpm_unet` has the published one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.sizes import check_image_size


def group_norm(channels: int) -> nn.GroupNorm:
    """Group normalisation in four groups."""
    return nn.GroupNorm(4, channels)


class UNet(nn.Module):
    """ε(x, t): an image N×C×S×S and timesteps N to an image of the same size, of `out` channels if
    they are to be others.

    It works at three resolutions, S, S/2 and S/4, with `width`, 2·`width` and 4·`width` channels,
    one residual block each on the way down and on the way up, and attention at the lowest. With
    `classes` an embedding of the image's class is added to the embedding of the timestep, with
    `words` the mean of the embeddings of its text's words. Without `skips` the way up sees nothing
    of the way down but what comes from below.
    """

    def __init__(  # noqa: PLR0913 - what it takes, gives and is conditioned on, each by name
        self,
        channels: int,
        size: int,
        width: int,
        *,
        out: int | None = None,
        classes: int = 0,
        words: int = 0,
        skips: bool = True,
    ) -> None:
        super().__init__()
        check_image_size(size)
        self.skips = skips
        widths = (width, 2 * width, 4 * width)
        embedding = 4 * width
        self.embed = time_embedding(width, embedding)
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.down = nn.ModuleList(Residual(w, w, embedding) for w in widths[:-1])
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.middle = Residual(widths[-1], widths[-1], embedding)
        self.attention = Attention(widths[-1])
        self.last_middle = Residual(widths[-1], widths[-1], embedding)
        self.grow = nn.ModuleList(
            nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairwise(widths)
        )
        self.up = nn.ModuleList(Residual((1 + skips) * w, w, embedding) for w in widths[:-1])
        self.last = nn.Sequential(
            group_norm(width), nn.SiLU(), zeroed(nn.Conv2d(width, out or channels, 3, padding=1))
        )
        # Made last, so that all other weights start as in a network without a condition.
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
            h = grow(h)
            h = block(torch.cat([h, skips.pop()], dim=1) if self.skips else h, time)
        epsilon: Tensor = self.last(h)
        return epsilon


class Residual(nn.Module):
    """Two convolutions around an added time embedding, beside a shortcut; `dropout` before the
    second, if any.
    """

    def __init__(
        self,
        channels: int,
        out: int,
        embedding: int,
        norm: Callable[[int], nn.Module] = group_norm,
        dropout: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.first = nn.Sequential(
            norm(channels), nn.SiLU(), nn.Conv2d(channels, out, 3, padding=1)
        )
        self.time = nn.Linear(embedding, out)
        self.second = nn.Sequential(
            norm(out), nn.SiLU(), *([] if dropout is None else [dropout]),
            zeroed(nn.Conv2d(out, out, 3, padding=1)),
        )  # fmt: skip
        self.shortcut = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """x N×channels×S×S, time N×embedding → N×out×S×S."""
        h: Tensor = self.first(x) + self.time(time)[:, :, None, None]
        out: Tensor = self.second(h) + self.shortcut(x)
        return out


class Attention(nn.Module):
    """Self-attention over the positions of a feature map, beside a shortcut."""

    def __init__(
        self, channels: int, norm: Callable[[int], nn.Module] = group_norm, heads: int = 1
    ) -> None:
        super().__init__()
        self.heads = heads
        self.norm = norm(channels)
        self.project = nn.Conv2d(channels, 3 * channels, 1)
        self.out = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """x N×C×H×W → the same shape."""
        n, channels = x.shape[:2]
        parts = self.project(self.norm(x)).reshape(n, 3, self.heads, channels // self.heads, -1)
        q, k, v = parts.transpose(3, 4).unbind(1)
        h = F.scaled_dot_product_attention(q, k, v)
        out: Tensor = x + self.out(h.transpose(2, 3).reshape(x.shape))
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


def time_embedding(width: int, out: int) -> nn.Sequential:
    """Times N → N×out, by two layers on `width` sines and cosines."""
    return nn.Sequential(
        Sinusoidal(width), nn.Linear(width, out), nn.SiLU(), nn.Linear(out, out), nn.SiLU()
    )


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """Starts a layer at zero, so that the block it ends starts as the identity."""
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
