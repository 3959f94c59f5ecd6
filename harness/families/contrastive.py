"""Encoders that are trained to know two views of one image again (SimCLR: Chen et al. 2020,
arXiv:2002.05709).
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn

from harness.core.table_keys import KeyOf
from harness.data.batch import Batch
from harness.families.base import Family, Losses, Noise, Phase, single_player
from harness.families.builders import NetworkSettings, at_least_float32, encoder
from harness.networks.mlp import layers
from harness.objectives.augmentation import AUGMENTATIONS, augment_images, draw_augmentations
from harness.objectives.contrastive import normalised_cross_entropy

VIEWS = ("first", "second")


class ContrastiveSettings(NetworkSettings):
    """`latent`: numbers in the code. A head with as many hidden units makes `projected` numbers
    for the loss from them. `augment`: what two views of an image differ by, in turn.
    """

    latent: PositiveInt = 32
    projected: PositiveInt = 32
    temperature: PositiveFloat = 0.5
    augment: tuple[Annotated[str, KeyOf(AUGMENTATIONS)], ...] = (
        "resized-crop", "brightness", "contrast",
    )  # fmt: skip


class Contrastive(Family):
    """An encoder, and a head that is thrown away after training."""

    Settings = ContrastiveSettings
    settings: ContrastiveSettings

    def build(self) -> nn.ModuleDict:
        """Encoder and head."""
        s, leaky = self.settings, nn.LeakyReLU(0.2)
        return nn.ModuleDict(
            {
                "encoder": encoder(s, self.shape, s.latent, leaky),
                "head": layers(s.latent, s.latent, 1, s.projected, leaky),
            }
        )

    def phases(self) -> tuple[Phase, ...]:
        """One phase, one player."""
        return single_player(("encoder", "head"), self.noise, self.loss, self.settings.optimizer)

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """How each of n images is changed, twice."""
        kinds = self.settings.augment
        return {view: draw_augmentations(kinds, n, generator) for view in VIEWS}

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The cross-entropy of finding the other view."""
        first, second = (self._projected(networks, batch.x, noise[view]) for view in VIEWS)
        return {"loss": normalised_cross_entropy(first, second, self.settings.temperature)}

    def _projected(self, networks: nn.ModuleDict, x: Tensor, numbers: Tensor) -> Tensor:
        """What the loss compares of a view of images x, by the numbers that make it."""
        seen = augment_images(x, self.settings.augment, numbers)
        return at_least_float32(networks["head"](networks["encoder"](seen)))

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """x N×C×S×S → codes N×latent."""
        codes: Tensor = self.networks["encoder"](x)
        return codes
