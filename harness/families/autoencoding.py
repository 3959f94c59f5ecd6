"""Encoders and decoders of autoencoders and VAEs: the settings that choose them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator
from torch import nn

from harness.families.base import ImageShape
from harness.families.builders import NetworkSettings, decoder, encoder
from harness.networks.mlp import MLPDecoder, MLPEncoder, TiedDecoder
from harness.networks.pooled_convnet import EnlargingDecoder, PooledEncoder

Share = Annotated[float, Field(gt=0, lt=1)]


class CodingSettings(NetworkSettings):
    """`latent`: numbers in the code.

    `resampling`: how convolutions halve an image and enlarge it again, by strides or by pooling and
    repeating pixels. `tied`: the decoder has the encoder's weights transposed. `dropout`: the share
    of hidden units that are dropped in training. The last two are of an MLP.
    """

    latent: PositiveInt = 32
    resampling: Literal["strides", "pooling"] = "strides"
    tied: bool = False
    dropout: Share | None = None

    @model_validator(mode="after")
    def _settings_are_of_the_network(self) -> Self:
        if self.network == "conv" and (self.tied or self.dropout):
            raise ValueError("tied and dropout go with network: mlp")
        if self.network == "mlp" and self.resampling == "pooling":
            raise ValueError("resampling goes with network: conv")
        return self


def encoder_and_decoder(settings: CodingSettings, shape: ImageShape, out: int) -> nn.ModuleDict:
    """The networks `encoder`, x N×C×S×S → N×out, and `decoder`, z N×latent → N×C×S×S."""
    leaky, latent = nn.LeakyReLU(0.2), settings.latent
    if settings.depth is not None:
        return _fully_connected(settings, shape, out, leaky)
    if settings.resampling == "pooling":
        sizes = (shape.channels, shape.size, settings.width)
        networks = PooledEncoder(*sizes, out, leaky), EnlargingDecoder(latent, *sizes, leaky)
        return nn.ModuleDict(dict(zip(("encoder", "decoder"), networks, strict=True)))
    return nn.ModuleDict(
        {
            "encoder": encoder(settings, shape, out, leaky),
            "decoder": decoder(settings, shape, latent, leaky),
        }
    )


def _fully_connected(
    settings: CodingSettings, shape: ImageShape, out: int, activation: nn.Module
) -> nn.ModuleDict:
    depth, dropout = settings.depth or 0, settings.dropout or 0.0
    sizes = (shape.channels, shape.size)
    first = MLPEncoder(*sizes, settings.width, out, activation, depth, dropout=dropout)
    last = (
        TiedDecoder(first, *sizes, activation)
        if settings.tied
        else MLPDecoder(settings.latent, *sizes, settings.width, activation, depth, dropout=dropout)
    )
    return nn.ModuleDict({"encoder": first, "decoder": last})
