"""The networks that a recipe chooses between."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import NonNegativeInt, PositiveInt, model_validator
from torch import nn

from harness.families.base import FamilySettings, Shape
from harness.networks.convnet import Decoder, Encoder
from harness.networks.mlp import MLPDecoder, MLPDenoiser, MLPEncoder
from harness.networks.unet import UNet


class NetworkSettings(FamilySettings):
    """`network`: convolutions, or fully connected layers, which take points in the plane too.

    `width`: of convolutions the channels after the first halving of the image (a U-Net's: channels
    at full resolution, per pixel of the image's side), of an MLP the units of a hidden layer, of
    which it has `depth`.
    """

    network: Literal["conv", "mlp"] = "conv"
    width: PositiveInt = 32
    depth: NonNegativeInt | None = None

    @model_validator(mode="after")
    def _only_an_mlp_has_a_depth(self) -> Self:
        if (self.network == "mlp") == (self.depth is None):
            raise ValueError(
                "depth, the number of hidden layers, is missing: network is mlp"
                if self.depth is None
                else "depth goes with network: mlp; that of convolutions follows from the images"
            )
        return self


def encoder(settings: NetworkSettings, shape: Shape, out: int, activation: nn.Module) -> nn.Module:
    """x N×C×S×S → N×out."""
    sizes = (shape.channels, shape.size, settings.width, out, activation)
    return Encoder(*sizes) if settings.depth is None else MLPEncoder(*sizes, settings.depth)


def decoder(
    settings: NetworkSettings, shape: Shape, latent: int, activation: nn.Module
) -> nn.Module:
    """z N×latent → N×C×S×S."""
    sizes = (latent, shape.channels, shape.size, settings.width, activation)
    return Decoder(*sizes) if settings.depth is None else MLPDecoder(*sizes, settings.depth)


def denoiser(settings: NetworkSettings, shape: Shape) -> nn.Module:
    """x N×C×S×S and timesteps N → ε N×C×S×S."""
    channels, size, width = shape.channels, shape.size, settings.width
    if settings.depth is None:
        return UNet(channels, size, width=width * size)
    return MLPDenoiser(channels, size, width, settings.depth)
