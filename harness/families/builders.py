"""The networks that a recipe chooses between."""

from __future__ import annotations

from typing import Literal, Self

import torch
from pydantic import PositiveInt, model_validator
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.families.base import FamilySettings, ImageShape, Layers, Noise
from harness.networks.convnet import Decoder, Encoder
from harness.networks.mlp import MLPDecoder, MLPEncoder


class NetworkSettings(FamilySettings):
    """`network`: convolutions, or fully connected layers, which take points in the plane too.

    `width`: of convolutions the channels after the first halving of the image (a U-Net's: channels
    at full resolution, per pixel of the image's side), of an MLP the units of a hidden layer, of
    which it has `depth`.
    """

    network: Literal["conv", "mlp"] = "conv"
    width: PositiveInt = 32
    depth: Layers | None = None

    @model_validator(mode="after")
    def _only_an_mlp_has_a_depth(self) -> Self:
        if (self.network == "mlp") == (self.depth is None):
            raise ValueError(
                "depth, the number of hidden layers, is missing: network is mlp"
                if self.depth is None
                else "depth goes with network: mlp; convolutions are as deep as the images need"
            )
        return self


class ConditionalSettings(NetworkSettings):
    """`conditional`: the model is conditioned on the class, and can be asked for images of one."""

    conditional: bool = False

    def classes(self, shape: ImageShape) -> int:
        """How many classes the networks take; BadInput where the data do not have two."""
        if not self.conditional:
            return 0
        check_classes(shape)
        return shape.classes


def check_classes(shape: ImageShape) -> None:
    """Raises BadInput where images do not have two classes."""
    if shape.classes < 2:
        raise BadInput("its images have no classes for a conditional model")


def check_sources(shape: ImageShape, family: str) -> None:
    """Raises BadInput where images are to be made from others that have other channels."""
    if shape.source_channels not in (0, shape.channels):
        raise BadInput(f"{family} makes no images from others; a translation does")


def with_mask(source: Tensor, mask: Tensor | None) -> Tensor:
    """A source N×C×S×S and the mask N×1×S×S of its known pixels, if it has one, as channels."""
    return source if mask is None else torch.cat([source, mask], dim=1)


def random_labels(n: int, classes: int, generator: torch.Generator) -> Tensor:
    """n classes, each as likely as any other."""
    return torch.randint(classes, (n,), generator=generator, device=generator.device)


def encoder(
    settings: NetworkSettings, shape: ImageShape, out: int, activation: nn.Module
) -> nn.Module:
    """x N×C×S×S → N×out. Convolutions are normalised over the batch, an MLP is not."""
    sizes = (shape.channels, shape.size, settings.width, out, activation)
    return Encoder(*sizes) if settings.depth is None else MLPEncoder(*sizes, settings.depth)


def decoder(
    settings: NetworkSettings, shape: ImageShape, latent: int, activation: nn.Module
) -> nn.Module:
    """z N×latent → N×C×S×S."""
    sizes = (latent, shape.channels, shape.size, settings.width, activation)
    return Decoder(*sizes) if settings.depth is None else MLPDecoder(*sizes, settings.depth)


def in_range(images: Tensor, shape: ImageShape) -> Tensor:
    """Images held to [-1, 1] where they are of pixels, as whoever shows or saves them does: fully
    connected layers and unclipped sampling know no bounds.
    """
    return images.clamp(-1, 1) if shape.pixels else images


def at_least_float32(x: Tensor) -> Tensor:
    """What a network put out, for a loss: where it computed in bf16, as float32."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def no_noise(n: int, generator: torch.Generator) -> Noise:
    """Nothing: the noise of a loss that is deterministic."""
    return {}
