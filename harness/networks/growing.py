"""DCGAN's two networks, grown from small images to large ones (Karras et al. 2018,
arXiv:1710.10196, section 2 and figure 2).

Level k has images of twice the side of level k − 1, and one more layer in each network. While its
layers fade in, its outputs are mixed with those of the level below by a share `fade`: 0 is the
level below, 1 is the level itself, each to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.convnet import after_convolution, flat_features, widths
from harness.networks.discriminator import batch_layers
from harness.networks.normalisation import Norm
from harness.networks.sizes import double, pyramid


def image_sizes(size: int) -> tuple[int, ...]:
    """The sides of the images of all levels, from the smallest to `size`.

    >>> image_sizes(32), image_sizes(28)
    ((8, 16, 32), (14, 28))
    """
    return pyramid(size)[-2::-1]


def halve(x: Tensor) -> Tensor:
    """Images N×C×S×S of half the side: the means of 2×2 pixels."""
    return F.avg_pool2d(x, 2)


def faded(new: Tensor, old: Tensor, fade: Tensor | None) -> Tensor:
    """`new` where there is no `fade`, else its share `fade` and the rest of `old`."""
    return new if fade is None else fade * new + (1 - fade) * old


def at_level(x: Tensor, size: int, fade: Tensor | None) -> Tensor:
    """Images N×C×S×S as a level of side `size` takes them: N×C×size×size, mixed with their own
    means of 2×2 pixels while the level fades in.
    """
    while x.shape[-1] > size:
        x = halve(x)
    return x if fade is None else faded(x, double(halve(x)), fade)


class Growing(nn.Module):
    """A network that knows its `level`, and the `fade` of that, where nobody says another."""

    level: Tensor
    fade: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.sizes = image_sizes(size)
        self.register_buffer("level", torch.tensor(len(self.sizes) - 1))
        self.register_buffer("fade", torch.ones(()))


class GrowingGenerator(Growing):
    """N×latent → N×channels×S×S in [-1, 1]: the layers of `convnet.Decoder`, with a last layer of
    its own at each level.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its sizes, and what follows its layers
        self, latent: int, channels: int, size: int, width: int, activation: nn.Module,
        norm: Norm | None,
    ) -> None:  # fmt: skip
        super().__init__(size)
        inner, lowest = widths(size, width)[::-1], pyramid(size)[-1]
        self.head = nn.Linear(latent, flat_features(size, width))
        self.first = nn.Sequential(
            nn.Unflatten(1, (inner[0], lowest, lowest)),
            *after_convolution(norm, inner[0], activation),
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.ConvTranspose2d(a, b, 4, 2, 1), *after_convolution(norm, b, activation)
            )
            for a, b in pairwise(inner)
        )
        self.images = nn.ModuleList(nn.ConvTranspose2d(w, channels, 4, 2, 1) for w in inner)

    def grown(self, z: Tensor, level: int, fade: Tensor | None = None) -> Tensor:
        """z N×latent → images of the side of `level`."""
        x = before = self.first(self.head(z))
        for block in list(self.blocks)[:level]:
            x, before = block(x), x
        image: Tensor = self.images[level](x).tanh()
        if fade is None or level == 0:
            return image
        return faded(image, double(self.images[level - 1](before).tanh()), fade)

    def forward(self, z: Tensor) -> Tensor:
        """z N×latent → N×channels×S×S as far as it has grown; smaller images are enlarged."""
        images = self.grown(z, int(self.level), self.fade)
        while images.shape[-1] < self.sizes[-1]:
            images = double(images)
        return images


class GrowingDiscriminator(Growing):
    """N×channels×S×S → N×out: the layers of `discriminator.ConvDiscriminator`, with a first layer
    of its own at each level.
    """

    def __init__(  # noqa: PLR0913 - its sizes, and how it is made, each by name
        self,
        channels: int,
        size: int,
        width: int,
        out: int,
        *,
        activation: nn.Module,
        norm: Norm | None,
        head: Sequence[str] = (),
    ) -> None:
        super().__init__(size)
        inner = widths(size, width)[::-1]
        self.images = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, w, 4, 2, 1), activation) for w in inner
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(b, a, 4, 2, 1), *after_convolution(norm, a, activation))
            for a, b in pairwise(inner)
        )
        further, features = batch_layers(head, flat_features(size, width))
        self.further = nn.Sequential(nn.Flatten(), *further)
        self.head = nn.Linear(features, out)

    def judged(self, x: Tensor, level: int, fade: Tensor | None = None) -> Tensor:
        """x of the side of `level` → N×out."""
        h = self.images[level](x)
        for index in reversed(range(level)):
            h = self.blocks[index](h)
            if index == level - 1 and fade is not None:
                h = faded(h, self.images[index](halve(x)), fade)
        out: Tensor = self.head(self.further(h))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """x N×channels×S×S → N×out, as far as it has grown."""
        level, fade = int(self.level), self.fade
        return self.judged(at_level(x, self.sizes[level], fade if level else None), level, fade)
