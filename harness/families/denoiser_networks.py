"""The networks that take noise out of images, as recipes of diffusion models and flows set them."""

from __future__ import annotations

from typing import Self

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import nn

from harness.families.base import Begin, ImageShape, TrainingImages
from harness.families.builders import ConditionalSettings
from harness.networks.ddpm_unet import DDPMUNet, UNetSettings
from harness.networks.dit import DiT, DiTSettings
from harness.networks.fourier import FourierSettings
from harness.networks.mlp import MLPDenoiser
from harness.networks.text_encoder import TextConditioned, TextEncoder, TextEncoderSettings
from harness.networks.unet import UNet


class DenoiserSettings(ConditionalSettings):
    """A `conditional` network adds an embedding of the class to the embedding of the time, one with
    `texts` the mean of the embeddings of the text's words, whose order does not count.

    `condition_dropout`: the share of training images that the network gets without their class
    or text, for classifier-free guidance.

    `shuffled_texts`: each image of a batch gets the text of another one, which leaves nothing to
    learn from texts: a control.

    With a `text_encoder` words count in their order, and a U-Net set as `unet` attends to them.

    The network of `network: conv` is a small U-Net, with or without `skips`; with `unet` it is
    DDPM's; with `transformer` it is DiT. An MLP takes the `fourier` features of its input where
    they are set.
    """

    width: PositiveInt = 2
    skips: bool = True
    unet: UNetSettings | None = None
    transformer: DiTSettings | None = None
    fourier: FourierSettings | None = None
    texts: bool = False
    shuffled_texts: bool = False
    text_encoder: TextEncoderSettings | None = None
    condition_dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _one_network(self) -> Self:
        if self.unet is not None and self.transformer is not None:
            raise ValueError("unet and transformer do not go together")
        if self.network == "mlp" and (self.unet or self.transformer or not self.skips):
            raise ValueError("unet, transformer and skips go with network: conv")
        if self.fourier is not None and self.network != "mlp":
            raise ValueError("fourier features go with network: mlp")
        if self.transformer is not None and not self.skips:
            raise ValueError("skips go with a U-Net, not with transformer")
        if self.texts and self.transformer is not None:
            raise ValueError("texts and transformer do not go together")
        if self.shuffled_texts and not self.texts:
            raise ValueError("shuffled_texts goes with texts: true")
        if self.text_encoder is not None and not (self.texts and self.unet):
            raise ValueError("text_encoder goes with texts: true and unet")
        if self.texts and self.unet is not None and self.text_encoder is None:
            raise ValueError("texts with unet need a text_encoder, such as {width: 64}")
        return self

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        if self.flip and self.texts:
            raise ValueError("flip and texts do not go together: a mirrored image's text says left")
        if self.conditional and self.texts:
            raise ValueError("conditional and texts do not go together")
        if (self.conditional or self.texts) and self.network == "mlp":
            raise ValueError("conditional and texts go with network: conv")
        if self.condition_dropout and not (self.conditional or self.texts):
            raise ValueError("condition_dropout goes with conditional or texts")
        return self

    def check_guidance(self, guidance: float) -> None:
        """Raise ValueError where there is no unconditional model to be guided away from."""
        if guidance != 1 and not self.condition_dropout:
            raise ValueError(
                f"sampling.guidance is {guidance:g}: it goes with condition_dropout, by which the"
                " network learns images of no condition too"
            )


def build_denoiser(  # noqa: PLR0913 - what it takes, gives and is conditioned on, each by name
    settings: DenoiserSettings,
    shape: ImageShape,
    classes: int = 0,
    words: int = 0,
    *,
    beside: int = 0,
    out: int | None = None,
) -> nn.Module:
    """x N×C×S×S and times N (and labels N below `classes`, or words N×L below `words`) → N×C×S×S.
    A U-Net may take `beside` further channels, and give `out` of them.

    Raises BadInput where the network does not take images of this size.
    """
    channels, size, width = shape.channels, shape.size, settings.width
    if settings.depth is not None:
        return MLPDenoiser(channels, size, width, settings.depth, settings.fourier)
    if settings.transformer is not None:
        return DiT(channels, size, settings.transformer, classes=classes)
    if settings.unet is not None:
        encoder = _text_encoder(settings, shape)
        network = DDPMUNet(
            channels + beside,
            size,
            width * size,
            settings.unet,
            classes=classes,
            context=None if settings.text_encoder is None else settings.text_encoder.width,
            out=out or channels,
            skips=settings.skips,
        )
        return network if encoder is None else TextConditioned(network, encoder)
    return UNet(
        channels + beside,
        size,
        width * size,
        out=out or channels,
        classes=classes,
        words=words,
        skips=settings.skips,
    )


def _text_encoder(settings: DenoiserSettings, shape: ImageShape) -> TextEncoder | None:
    tokenizer = shape.tokenizer
    if settings.text_encoder is None or tokenizer is None:
        return None
    return TextEncoder(tokenizer.size, 1 + tokenizer.length, settings.text_encoder)


def copy_denoiser(*names: str) -> Begin:
    """Begins a phase with the denoiser as it is in the networks of these names too."""

    def copy(networks: nn.ModuleDict, images: TrainingImages, generator: torch.Generator) -> None:
        for name in names:
            networks[name].load_state_dict(networks["denoiser"].state_dict())

    return copy
