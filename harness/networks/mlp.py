"""Fully connected networks on images of any size, points in the plane among them.

`depth` is the number of hidden layers, of `width` units each; without one a network is affine.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.dropout import Dropout
from harness.networks.fourier import FourierFeatures, FourierSettings
from harness.networks.hidden_layers import HIDDEN_LAYERS
from harness.networks.unet import Sinusoidal


def layers(  # noqa: PLR0913 - its sizes, and how it is made, each by name
    into: int,
    width: int,
    depth: int,
    out: int,
    activation: nn.Module,
    *,
    dropout: float = 0.0,
    hidden: str = "plain",
) -> nn.Sequential:
    """N×into → N×out through hidden layers of the kind `hidden`, see `hidden_layers`, with
    `dropout` of a share of the units of each.
    """
    sizes = [into, *[width] * depth]
    modules: list[nn.Module] = []
    for narrow, wide in pairwise(sizes):
        modules += HIDDEN_LAYERS[hidden](narrow, wide, activation)
        modules += [Dropout(dropout, (wide,))] if dropout else []
    return nn.Sequential(*modules, nn.Linear(sizes[-1], out))


class MLPEncoder(nn.Module):
    """N×C×S×S → N×out."""

    def __init__(  # noqa: PLR0913, PLR0917 - as the convolutional one, and its depth
        self,
        channels: int,
        size: int,
        width: int,
        out: int,
        activation: nn.Module,
        depth: int,
        *,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.body = layers(channels * size**2, width, depth, out, activation, dropout=dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x N×C×S×S → N×out."""
        out: Tensor = self.body(x.flatten(1))
        return out


class MLPDecoder(nn.Module):
    """N×latent → N×C×S×S. Nothing holds its values to [-1, 1]: a Gaussian has no bounds."""

    def __init__(  # noqa: PLR0913, PLR0917 - as the convolutional one, and its depth
        self,
        latent: int,
        channels: int,
        size: int,
        width: int,
        activation: nn.Module,
        depth: int,
        *,
        dropout: float = 0.0,
        hidden: str = "plain",
    ) -> None:
        super().__init__()
        self.shape = (channels, size, size)
        values = channels * size**2
        self.body = layers(latent, width, depth, values, activation, dropout=dropout, hidden=hidden)

    def forward(self, z: Tensor) -> Tensor:
        """z N×latent → N×C×S×S."""
        images: Tensor = self.body(z).unflatten(1, self.shape)
        return images

    def logits(self, z: Tensor) -> Tensor:
        """z N×latent → N×C×S×S, the log odds that a value is 1 and not −1."""
        odds: Tensor = self(z)
        return odds


class TiedDecoder(nn.Module):
    """N×latent → N×C×S×S: the encoder's layers in reverse with their weights transposed, and biases
    of its own (Vincent et al. 2010, JMLR 11:3371, section 2.2).
    """

    def __init__(
        self, encoder: MLPEncoder, channels: int, size: int, activation: nn.Module
    ) -> None:
        super().__init__()
        self.shape, self.activation = (channels, size, size), activation
        self._mirrored = [layer for layer in encoder.body if isinstance(layer, nn.Linear)][::-1]
        """The encoder's layers; a list keeps their weights from being this module's too."""
        self.biases = nn.ParameterList(torch.zeros(layer.in_features) for layer in self._mirrored)

    def forward(self, z: Tensor) -> Tensor:
        """z N×latent → N×C×S×S."""
        for number, (layer, bias) in enumerate(zip(self._mirrored, self.biases, strict=True)):
            z = F.linear(z if number == 0 else self.activation(z), layer.weight.T, bias)
        return z.view(len(z), *self.shape)

    def logits(self, z: Tensor) -> Tensor:
        """z N×latent → N×C×S×S, the log odds that a value is 1 and not −1."""
        odds: Tensor = self(z)
        return odds


class MLPDenoiser(nn.Module):
    """ε(x, t): an image N×C×S×S and timesteps N to an image of the same shape.

    It takes the numbers of x, or their Fourier features, beside sines and cosines of t.
    """

    def __init__(
        self,
        channels: int,
        size: int,
        width: int,
        depth: int,
        fourier: FourierSettings | None = None,
    ) -> None:
        super().__init__()
        values = into = channels * size**2
        self.embed = Sinusoidal(width)
        self.features: nn.Module = nn.Identity()
        if fourier is not None:
            self.features = FourierFeatures(values, fourier)
            into = self.features.features
        self.body = layers(into + 2 * (width // 2), width, depth, values, nn.SiLU())

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """x N×C×S×S float32, t N (any number type) → ε N×C×S×S."""
        epsilon: Tensor = self.body(torch.cat([self.features(x.flatten(1)), self.embed(t)], dim=1))
        return epsilon.view(x.shape)
