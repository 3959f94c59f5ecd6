"""Strided convolutions from an image to a vector, and back (after Radford et al. 2016).

`width` is the number of channels after the first halving; it doubles with each one. How many
there are follows from the image's size: they go on while 4 pixels or more are left.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from harness.networks.sizes import pyramid


def widths(size: int, width: int) -> list[int]:
    """Channels at each resolution below `size`, from the highest to the lowest."""
    return [width * 2**level for level in range(len(pyramid(size)) - 1)]


class Encoder(nn.Module):
    """N×channels×S×S → N×out. The first convolution has no normalisation (DCGAN, section 3), nor
    have the others where they are not to be `normalised`.
    """

    def __init__(  # noqa: PLR0913 - its sizes, and how it is made, each by name
        self,
        channels: int,
        size: int,
        width: int,
        out: int,
        activation: nn.Module,
        *,
        normalised: bool = True,
    ) -> None:
        super().__init__()
        inner = widths(size, width)
        layers: list[nn.Module] = [nn.Conv2d(channels, inner[0], 4, 2, 1), activation]
        for narrow, wide in pairwise(inner):
            norm = [nn.BatchNorm2d(wide)] if normalised else []
            layers += [nn.Conv2d(narrow, wide, 4, 2, 1), *norm, activation]
        lowest = pyramid(size)[-1]
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(inner[-1] * lowest**2, out)

    def forward(self, x: Tensor) -> Tensor:
        """x N×channels×S×S → N×out."""
        out: Tensor = self.head(self.body(x))
        return out


class Decoder(nn.Module):
    """N×latent → N×channels×S×S in [-1, 1]: the encoder's layers in reverse, and a tanh."""

    def __init__(
        self,
        latent: int,
        channels: int,
        size: int,
        width: int,
        activation: nn.Module,
    ) -> None:
        super().__init__()
        inner = widths(size, width)[::-1]
        lowest = pyramid(size)[-1]
        layers: list[nn.Module] = [nn.BatchNorm2d(inner[0]), activation]
        for wide, narrow in pairwise(inner):
            layers += [
                nn.ConvTranspose2d(wide, narrow, 4, 2, 1),
                nn.BatchNorm2d(narrow),
                activation,
            ]
        self.head = nn.Linear(latent, inner[0] * lowest**2)
        self.grid = nn.Unflatten(1, (inner[0], lowest, lowest))
        self.body = nn.Sequential(
            *layers, nn.ConvTranspose2d(inner[-1], channels, 4, 2, 1), nn.Tanh()
        )

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
