"""Strided convolutions from an image to a vector, and back (after Radford et al. 2016).

`width` is the number of channels after the first halving; it doubles with each one. How many
there are follows from the image's size: they go on while 4 pixels or more are left.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from harness.networks.normalisation import Norm
from harness.networks.self_attention import SelfAttention
from harness.networks.sizes import pyramid


def widths(size: int, width: int) -> list[int]:
    """Channels at each resolution below `size`, from the highest to the lowest."""
    return [width * 2**level for level in range(len(pyramid(size)) - 1)]


def flat_features(size: int, width: int) -> int:
    """How many numbers the maps of the lowest resolution have."""
    return widths(size, width)[-1] * pyramid(size)[-1] ** 2


def downsampling(  # noqa: PLR0913 - its sizes, and how it is made, each by name
    channels: int,
    size: int,
    width: int,
    activation: nn.Module,
    *,
    norm: Norm | None,
    attention: bool = False,
) -> list[nn.Module]:
    """Layers from N×channels×S×S to the maps of the lowest resolution. The first convolution has no
    normalisation (DCGAN, section 3). `attention` follows it, at half of the size.
    """
    inner = widths(size, width)
    layers: list[nn.Module] = [nn.Conv2d(channels, inner[0], 4, 2, 1), activation]
    layers += [SelfAttention(inner[0])] if attention else []
    for narrow, wide in pairwise(inner):
        layers += [nn.Conv2d(narrow, wide, 4, 2, 1), *after_convolution(norm, wide, activation)]
    return layers


def upsampling(
    size: int,
    width: int,
    activation: nn.Module,
    *,
    norm: Norm | None,
    attention: bool = False,
) -> list[nn.Module]:
    """Layers from the maps of the lowest resolution to N×width maps of half of the size: the
    layers of `downsampling` in reverse. `attention` comes last.
    """
    inner = widths(size, width)[::-1]
    layers: list[nn.Module] = after_convolution(norm, inner[0], activation)
    for wide, narrow in pairwise(inner):
        layers += [
            nn.ConvTranspose2d(wide, narrow, 4, 2, 1),
            *after_convolution(norm, narrow, activation),
        ]
    return layers + ([SelfAttention(inner[-1])] if attention else [])


class Encoder(nn.Module):
    """N×channels×S×S → N×out, normalised over the batch."""

    def __init__(
        self, channels: int, size: int, width: int, out: int, activation: nn.Module
    ) -> None:
        super().__init__()
        layers = downsampling(channels, size, width, activation, norm=nn.BatchNorm2d)
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(flat_features(size, width), out)

    def forward(self, x: Tensor) -> Tensor:
        """x N×channels×S×S → N×out."""
        out: Tensor = self.head(self.body(x))
        return out


class Decoder(nn.Module):
    """N×latent → N×channels×S×S in [-1, 1]: the encoder's layers in reverse, and a tanh."""

    def __init__(  # noqa: PLR0913 - its sizes, and how it is made, each by name
        self,
        latent: int,
        channels: int,
        size: int,
        width: int,
        activation: nn.Module,
        *,
        norm: Norm | None = nn.BatchNorm2d,
        attention: bool = False,
    ) -> None:
        super().__init__()
        lowest = pyramid(size)[-1]
        layers = upsampling(size, width, activation, norm=norm, attention=attention)
        self.head = nn.Linear(latent, flat_features(size, width))
        self.grid = nn.Unflatten(1, (widths(size, width)[-1], lowest, lowest))
        self.body = nn.Sequential(*layers, nn.ConvTranspose2d(width, channels, 4, 2, 1), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        """z N×latent → N×channels×S×S."""
        images: Tensor = self.body(self.grid(self.head(z)))
        return images

    def logits(self, z: Tensor) -> Tensor:
        """z N×latent → N×channels×S×S, the log odds that a value is 1 and not −1. An image is the
        mean under them: tanh(a) = 2σ(2a) − 1.
        """
        before_tanh: Tensor = self.body[:-1](self.grid(self.head(z)))
        return 2 * before_tanh


def after_convolution(norm: Norm | None, channels: int, activation: nn.Module) -> list[nn.Module]:
    """What follows a convolution to `channels` maps: normalisation, if any, and the activation."""
    return [activation] if norm is None else [norm(channels), activation]
