"""Convolutions with pooling and upsampling, from an image to a vector and back.

The form of Masci et al. 2011 (doi:10.1007/978-3-642-21735-7_7), with the channels and resolutions
of `harness.networks.convnet` and its normalisation.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from harness.networks.convnet import flat_features, widths
from harness.networks.sizes import pyramid


class PooledEncoder(nn.Module):
    """N×channels×S×S → N×out: 3×3 convolutions, each followed by the largest of four pixels."""

    def __init__(
        self, channels: int, size: int, width: int, out: int, activation: nn.Module
    ) -> None:
        super().__init__()
        inner = widths(size, width)
        layers: list[nn.Module] = []
        for narrow, wide in pairwise([channels, *inner]):
            norm = [nn.BatchNorm2d(wide)] if layers else []
            layers += [nn.Conv2d(narrow, wide, 3, padding=1), *norm, activation, nn.MaxPool2d(2)]
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(flat_features(size, width), out)

    def forward(self, x: Tensor) -> Tensor:
        """x N×channels×S×S → N×out."""
        out: Tensor = self.head(self.body(x))
        return out


class EnlargingDecoder(nn.Module):
    """N×latent → N×channels×S×S in [-1, 1]: each pixel becomes four before a 3×3 convolution, which
    leaves no checkerboard (Odena et al. 2016, doi:10.23915/distill.00003).
    """

    def __init__(
        self, latent: int, channels: int, size: int, width: int, activation: nn.Module
    ) -> None:
        super().__init__()
        inner, lowest = widths(size, width)[::-1], pyramid(size)[-1]
        layers: list[nn.Module] = [nn.BatchNorm2d(inner[0]), activation]
        for wide, narrow in pairwise(inner):
            layers += [*_doubling(wide, narrow), nn.BatchNorm2d(narrow), activation]
        self.head = nn.Linear(latent, flat_features(size, width))
        self.grid = nn.Unflatten(1, (inner[0], lowest, lowest))
        self.body = nn.Sequential(*layers, *_doubling(inner[-1], channels))

    def forward(self, z: Tensor) -> Tensor:
        """z N×latent → N×channels×S×S."""
        return (self.logits(z) / 2).tanh()

    def logits(self, z: Tensor) -> Tensor:
        """z N×latent → N×channels×S×S, the log odds that a value is 1 and not −1."""
        before_tanh: Tensor = self.body(self.grid(self.head(z)))
        return 2 * before_tanh


def _doubling(channels: int, out: int) -> tuple[nn.Module, nn.Module]:
    """From N×channels×S×S to N×out×2S×2S."""
    return nn.Upsample(scale_factor=2), nn.Conv2d(channels, out, 3, padding=1)
