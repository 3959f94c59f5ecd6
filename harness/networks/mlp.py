"""Fully connected networks on images of any size, points in the plane among them.

`depth` is the number of hidden layers, of `width` units each; without one a network is affine.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from harness.networks.unet import Sinusoidal


def layers(into: int, width: int, depth: int, out: int, activation: nn.Module) -> nn.Sequential:
    """N×into → N×out through the hidden layers, each with the activation behind it."""
    sizes = [into, *[width] * depth]
    hidden: list[nn.Module] = []
    for narrow, wide in pairwise(sizes):
        hidden += [nn.Linear(narrow, wide), activation]
    return nn.Sequential(*hidden, nn.Linear(sizes[-1], out))


class MLPEncoder(nn.Module):
    """N×C×S×S → N×out."""

    def __init__(  # noqa: PLR0913, PLR0917 - as the convolutional one, and its depth
        self, channels: int, size: int, width: int, out: int, activation: nn.Module, depth: int
    ) -> None:
        super().__init__()
        self.body = layers(channels * size**2, width, depth, out, activation)

    def forward(self, x: Tensor) -> Tensor:
        """x N×C×S×S → N×out."""
        out: Tensor = self.body(x.flatten(1))
        return out


class MLPDecoder(nn.Module):
    """N×latent → N×C×S×S. Nothing holds its values to [-1, 1]: a Gaussian has no bounds."""

    def __init__(  # noqa: PLR0913, PLR0917 - as the convolutional one, and its depth
        self, latent: int, channels: int, size: int, width: int, activation: nn.Module, depth: int
    ) -> None:
        super().__init__()
        self.shape = (channels, size, size)
        self.body = layers(latent, width, depth, channels * size**2, activation)

    def forward(self, z: Tensor) -> Tensor:
        """z N×latent → N×C×S×S."""
        images: Tensor = self.body(z).unflatten(1, self.shape)
        return images

    def logits(self, z: Tensor) -> Tensor:
        """z N×latent → N×C×S×S, the log odds that a value is 1 and not −1."""
        odds: Tensor = self(z)
        return odds


class MLPDenoiser(nn.Module):
    """ε(x, t): an image N×C×S×S and timesteps N to an image of the same shape.

    It takes the numbers of x beside sines and cosines of t.
    """

    def __init__(self, channels: int, size: int, width: int, depth: int) -> None:
        super().__init__()
        values = channels * size**2
        self.embed = Sinusoidal(width)
        self.body = layers(values + 2 * (width // 2), width, depth, values, nn.SiLU())

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """x N×C×S×S float32, t N (any number type) → ε N×C×S×S."""
        epsilon: Tensor = self.body(torch.cat([x.flatten(1), self.embed(t)], dim=1))
        return epsilon.view(x.shape)
