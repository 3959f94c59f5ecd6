"""Translation from pairs with an adversary (Isola et al. 2017, arXiv:1611.07004)."""

from __future__ import annotations

from typing import Annotated, Self

import torch
from pydantic import NonNegativeFloat, PositiveInt, model_validator
from torch import Tensor, nn

from harness.core.table_keys import KeyOf
from harness.data.batch import Batch
from harness.families.base import Losses, Noise, Phase, Player, PlayerSettings
from harness.families.builders import at_least_float32, no_noise
from harness.families.cyclegan import init_cyclegan
from harness.families.translation import Translation, TranslationSettings
from harness.networks.cyclegan import PatchDiscriminator
from harness.objectives.adversarial import ADVERSARIAL_LOSSES, AdversarialLoss
from harness.objectives.reconstruction import IMAGE_LOSSES


class PatchDiscriminatorSettings(PlayerSettings):
    """`width`: channels after its first halving. `loss`: one of `objectives.adversarial` whose
    generator's side is of made images alone.
    """

    width: PositiveInt = 64
    loss: Annotated[str, KeyOf(ADVERSARIAL_LOSSES)] = "non-saturating"

    @model_validator(mode="after")
    def _compares_no_images(self) -> Self:
        if ADVERSARIAL_LOSSES[self.loss].relative:
            raise ValueError(f"loss: {self.loss} compares made images with real ones; take another")
        return self


class Pix2PixSettings(TranslationSettings):
    """A translation's, with the `discriminator`; `weight`: of the image loss beside the adversarial
    one.
    """

    discriminator: PatchDiscriminatorSettings = PatchDiscriminatorSettings()
    weight: NonNegativeFloat = 100.0


class Pix2Pix(Translation):
    """The U-Net of `translation`, and a discriminator of patches that sees the source beside the
    image, real or made.
    """

    Settings = Pix2PixSettings
    settings: Pix2PixSettings

    def build(self) -> nn.ModuleDict:
        """The U-Net and the discriminator; BadInput for data without sources."""
        networks, shape = super().build(), self.shape
        channels = shape.source_channels + shape.masked + shape.channels
        discriminator = PatchDiscriminator(channels, shape.size, self.settings.discriminator.width)
        networks["discriminator"] = discriminator.apply(init_cyclegan)
        return networks

    def phases(self) -> tuple[Phase, ...]:
        """One phase in which the discriminator moves first."""
        settings = self.settings
        discriminator = Player(
            "discriminator", ("discriminator",), no_noise, self.discriminator_loss,
            settings.discriminator.optimizer or settings.optimizer,
        )  # fmt: skip
        generator = Player("generator", ("unet",), no_noise, self.loss, settings.optimizer)
        return (Phase((discriminator, generator)),)

    def discriminator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """Half of the discriminator's side of the loss, over all patches, as the authors do."""
        with torch.no_grad():
            made = self.made(networks, batch)
        outputs = (_patches(networks, batch, x) for x in (batch.x, made))
        return {"loss": self._adversarial.discriminator(*outputs) / 2}

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The generator's side, and `weight` times the image loss (equation 4)."""
        made = self.made(networks, batch)
        adversarial = self._adversarial.generator(_patches(networks, batch, made))
        image = IMAGE_LOSSES[self.settings.loss].compute(batch.x, made)
        loss = adversarial + self.settings.weight * image
        return {"loss": loss, "adversarial": adversarial, "image": image}

    @property
    def _adversarial(self) -> AdversarialLoss:
        return ADVERSARIAL_LOSSES[self.settings.discriminator.loss]


def _patches(networks: nn.ModuleDict, batch: Batch, images: Tensor) -> Tensor:
    """What the discriminator says of the patches of images beside their sources: N×1×H×W."""
    seen = (batch.source, batch.mask, images)
    beside = torch.cat([part for part in seen if part is not None], dim=1)
    return at_least_float32(networks["discriminator"](beside))
