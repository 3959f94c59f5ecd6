"""VQ-GAN (Esser et al. 2021, arXiv:2012.09841): a vector-quantised autoencoder whose images are
judged by features and by a discriminator of patches.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from harness.core.table_keys import KeyOf
from harness.data.batch import Batch
from harness.families.base import PROGRESS, Losses, Noise, Player, PlayerSettings
from harness.families.builders import at_least_float32, no_noise
from harness.families.feature_loss import FeatureLossFamily
from harness.families.vq import VQ, VQSettings
from harness.networks.cyclegan import PatchDiscriminator
from harness.networks.feature_networks import FEATURE_NETWORKS
from harness.objectives.adversarial import ADVERSARIAL_LOSSES, gradient_balance
from harness.objectives.reconstruction import IMAGE_LOSSES


class RebuiltDiscriminatorSettings(PlayerSettings):
    """`width`: channels after the first halving. The game counts from the share `start` of the
    first phase on.
    """

    width: PositiveInt = 32
    start: Annotated[float, Field(ge=0, lt=1)] = 0.25


class VQGANSettings(VQSettings):
    """`features`: the frozen network that images are compared by, beside their pixels by `loss`;
    `adversarial`: the weight of the game, relative to the gradient of these errors.
    """

    loss: Annotated[str, KeyOf(IMAGE_LOSSES)] = "l1"
    features: Annotated[str, KeyOf(FEATURE_NETWORKS)]
    adversarial: PositiveFloat = 1.0
    discriminator: RebuiltDiscriminatorSettings = RebuiltDiscriminatorSettings()


class VQGAN(VQ, FeatureLossFamily):
    """A VQ-VAE, and a discriminator that looks at patches of real and of rebuilt images."""

    Settings: ClassVar[type[VQSettings]] = VQGANSettings
    settings: VQGANSettings

    def build(self) -> nn.ModuleDict:
        """The VQ-VAE's networks, and a discriminator. Raises BadInput where the features' network
        cannot take the images.
        """
        networks, shape = super().build(), self.shape
        self.check_features()
        width = self.settings.discriminator.width
        networks["discriminator"] = PatchDiscriminator(shape.channels, shape.size, width)
        return networks

    def coding_players(self) -> tuple[Player, ...]:
        """The players of the first phase: the VQ-VAE, and the discriminator."""
        its = self.settings.discriminator.optimizer or self.settings.optimizer
        (model,) = super().coding_players()
        judge = Player("discriminator", ("discriminator",), no_noise, self.discriminator_loss, its)
        return (replace(model, reads_progress=True), judge)

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The VQ-VAE's, with the error of features, and the game by a weight that makes its
        gradient at the decoder's last layer as long as that of the errors (equations 6 and 7).
        """
        z, quantised = self.quantise(networks, batch.x)
        made = at_least_float32(networks["decoder"](quantised.straight))
        error = IMAGE_LOSSES[self.settings.loss].compute(batch.x, made)
        error = self.with_feature_error(error, batch.x, made)
        game = ADVERSARIAL_LOSSES["hinge"].generator(_outputs(networks, made))
        decoder: Any = networks["decoder"]
        weight = self.settings.adversarial * gradient_balance(error, game, decoder.body[-1].weight)
        plays = (noise[PROGRESS] >= self.settings.discriminator.start).to(weight.dtype)
        losses = self.with_code_losses(error, z, quantised)
        total = losses["loss"] + plays * weight * game
        return {**losses, "loss": total, "adversarial": game, "adversarial_weight": weight}

    def discriminator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The discriminator's side of the game, between images and their reconstructions."""
        with torch.no_grad():
            _, quantised = self.quantise(networks, batch.x)
            made = at_least_float32(networks["decoder"](quantised.straight))
        outputs = _outputs(networks, batch.x), _outputs(networks, made)
        return {"loss": ADVERSARIAL_LOSSES["hinge"].discriminator(*outputs)}


def _outputs(networks: nn.ModuleDict, x: Tensor) -> Tensor:
    """A number for each patch of images N×C×S×S, N×1×H×W."""
    return at_least_float32(networks["discriminator"](x))
