"""Encoder and decoder between images and small maps of codes, for quantisers and latent diffusion.

Residual blocks with group normalisation, which treats each image alone, and strided convolutions
that halve an image as often as `factor` says (van den Oord et al. 2017, arXiv:1711.00937, section
4.1; Rombach et al. 2022, arXiv:2112.10752, appendix G, without attention).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.networks.sizes import check_image_size
from harness.networks.unet import group_norm


def map_size(size: int, factor: int) -> int:
    """The side of the map of codes. Raises BadInput where `factor` is no power of two from 2 up, or
    does not divide the images' side.
    """
    check_image_size(size)
    if factor < 2 or factor & (factor - 1) or size % factor:
        raise BadInput(
            f"factor {factor} for images of {size}×{size} pixels: take a power of two that divides"
            " their side, such as 4"
        )
    return size // factor


class SpatialEncoder(nn.Module):
    """N×channels×S×S → N×out×S/factor×S/factor, through `width` channels, a multiple of 4."""

    def __init__(self, channels: int, size: int, width: int, out: int, factor: int) -> None:
        super().__init__()
        map_size(size, factor)
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1)]
        for _ in range(factor.bit_length() - 1):
            layers += [nn.Conv2d(width, width, 4, 2, 1), PlainResidual(width)]
        layers += [group_norm(width), nn.SiLU(), nn.Conv2d(width, out, 1)]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """x N×channels×S×S → N×out×S/factor×S/factor."""
        codes: Tensor = self.body(x)
        return codes


class SpatialDecoder(nn.Module):
    """N×codes×S/factor×S/factor → N×channels×S×S in [-1, 1]: the encoder's layers in reverse, and a
    tanh.
    """

    def __init__(self, codes: int, channels: int, size: int, width: int, factor: int) -> None:
        super().__init__()
        map_size(size, factor)
        layers: list[nn.Module] = [nn.Conv2d(codes, width, 3, padding=1)]
        for _ in range(factor.bit_length() - 1):
            layers += [PlainResidual(width), nn.ConvTranspose2d(width, width, 4, 2, 1)]
        layers += [group_norm(width), nn.SiLU(), nn.Conv2d(width, channels, 3, padding=1)]
        self.body = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        """z N×codes×S/factor×S/factor → images N×channels×S×S."""
        return torch.tanh(self.body(z))

    def logits(self, z: Tensor) -> Tensor:
        """The same as log odds that a value is 1 and not −1."""
        before_tanh: Tensor = self.body(z)
        return 2 * before_tanh


class PlainResidual(nn.Module):
    """Two convolutions beside a shortcut, with normalisation first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            group_norm(channels), nn.SiLU(), nn.Conv2d(channels, channels, 3, padding=1),
            group_norm(channels), nn.SiLU(), nn.Conv2d(channels, channels, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """x N×channels×H×W → the same shape."""
        out: Tensor = x + self.body(x)
        return out
