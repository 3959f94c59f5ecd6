"""The residual generator and discriminator of SNGAN (Miyato et al. 2018, arXiv:1802.05957, appendix
B.4, table 4, for images of 32×32; other sizes have blocks as their resolutions need).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.discriminator import ImageDiscriminator, batch_layers
from harness.networks.self_attention import SelfAttention
from harness.networks.sizes import double, pyramid

DOWN_BLOCKS, PLAIN_BLOCKS = 2, 2
"""Of the discriminator: those that halve the map, as far as its size allows, and those after."""


class UpBlock(nn.Module):
    """N×C×H×W → N×C×2H×2W: normalised, doubled and convolved twice, beside a doubled shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first_norm, self.second_norm = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.first, self.second = _conv(channels, channels, 3), _conv(channels, channels, 3)
        self.shortcut = _conv(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x N×C×H×W → N×C×2H×2W."""
        h = self.first(double(F.relu(self.first_norm(x))))
        out: Tensor = self.second(F.relu(self.second_norm(h))) + self.shortcut(double(x))
        return out


class DownBlock(nn.Module):
    """N×C×H×W → N×C'×H×W, or a half of each side where it `halves`, without normalisation.

    The `first` block of a network begins without a ReLU, which would cut off half of the image.
    """

    def __init__(self, into: int, out: int, *, halves: bool, is_first: bool = False) -> None:
        super().__init__()
        self.halves, self.is_first = halves, is_first
        self.first, self.second = _conv(into, out, 3), _conv(out, out, 3)
        self.shortcut = _conv(into, out, 1) if halves or into != out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """x N×C×H×W → N×C'×H'×W'."""
        h = self.first(x if self.is_first else F.relu(x))
        out: Tensor = self.second(F.relu(h)) + self.shortcut(x)
        return F.avg_pool2d(out, 2) if self.halves else out


class ResidualGenerator(nn.Module):
    """N×latent → N×channels×S×S in [-1, 1], with `width` channels at each resolution."""

    def __init__(
        self, latent: int, channels: int, size: int, width: int, *, attention: bool = False
    ) -> None:
        super().__init__()
        sizes = pyramid(size)
        blocks: list[nn.Module] = [UpBlock(width) for _ in sizes[1:]]
        if attention:
            blocks.insert(-1, SelfAttention(width))  # at half of the image's size
        self.head = nn.Linear(latent, width * sizes[-1] ** 2)
        nn.init.xavier_uniform_(self.head.weight)
        self.grid = nn.Unflatten(1, (width, sizes[-1], sizes[-1]))
        last = nn.Conv2d(width, channels, 3, padding=1)
        nn.init.xavier_uniform_(last.weight)
        self.body = nn.Sequential(*blocks, nn.BatchNorm2d(width), nn.ReLU(), last, nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        """z N×latent → N×channels×S×S."""
        images: Tensor = self.body(self.grid(self.head(z)))
        return images


class ResidualDiscriminator(ImageDiscriminator):
    """N×channels×S×S → N×out: blocks of `width` channels, the sum over all places, and `head` as in
    `discriminator`.
    """

    def __init__(  # noqa: PLR0913 - its sizes, and how it is made, each by name
        self,
        channels: int,
        size: int,
        width: int,
        out: int,
        *,
        head: Sequence[str] = (),
        attention: bool = False,
    ) -> None:
        super().__init__()
        down = min(DOWN_BLOCKS, len(pyramid(size)) - 1)
        blocks: list[nn.Module] = [DownBlock(channels, width, halves=True, is_first=True)]
        blocks += [SelfAttention(width)] if attention else []
        blocks += [DownBlock(width, width, halves=True) for _ in range(down - 1)]
        blocks += [DownBlock(width, width, halves=False) for _ in range(PLAIN_BLOCKS)]
        self.body = nn.Sequential(*blocks)
        further, features = batch_layers(head, width)
        self.further = nn.Sequential(*further)
        self.head = nn.Linear(features, out)
        nn.init.xavier_uniform_(self.head.weight)

    def features(self, x: Tensor) -> Tensor:
        """x N×channels×S×S → what the last layer takes, N×F."""
        features: Tensor = self.further(F.relu(self.body(x)).sum(dim=(2, 3)))
        return features

    def forward(self, x: Tensor) -> Tensor:
        """x N×channels×S×S → N×out."""
        out: Tensor = self.head(self.features(x))
        return out


def _conv(into: int, out: int, kernel: int) -> nn.Conv2d:
    """A convolution of a block with the authors' initial weights, Glorot's, wider by √2 but for
    shortcuts.
    """
    conv = nn.Conv2d(into, out, kernel, padding=kernel // 2)
    nn.init.xavier_uniform_(conv.weight, gain=math.sqrt(2) if kernel > 1 else 1.0)
    return conv
