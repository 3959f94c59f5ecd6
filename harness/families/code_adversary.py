"""Adversarial autoencoders (Makhzani et al. 2016, arXiv:1511.05644): a discriminator of codes."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from harness.data.batch import Batch
from harness.families.autoencoder import AutoencoderSettings
from harness.families.base import Losses, Noise, Phase, Player, PlayerSettings
from harness.families.builders import at_least_float32
from harness.families.prior_autoencoder import PriorAutoencoder
from harness.networks.mlp import layers
from harness.objectives.adversarial import ADVERSARIAL_LOSSES


class CodeDiscriminatorSettings(PlayerSettings):
    """`depth` hidden layers of `width` units."""

    width: PositiveInt = 128
    depth: PositiveInt = 2


class AdversarialAutoencoderSettings(AutoencoderSettings):
    """An autoencoder's settings, and the settings of the discriminator of its codes."""

    discriminator: CodeDiscriminatorSettings = CodeDiscriminatorSettings()


class AdversarialAutoencoder(PriorAutoencoder):
    """An autoencoder whose encoder is also the generator of a game about codes: they are to look
    like draws from the prior (section 2 of the paper).
    """

    Settings = AdversarialAutoencoderSettings
    settings: AdversarialAutoencoderSettings

    def build(self) -> nn.ModuleDict:
        """Encoder, decoder, and a discriminator of codes."""
        networks, settings = super().build(), self.settings
        networks["discriminator"] = code_discriminator(settings.discriminator, settings.latent)
        return networks

    def phases(self) -> tuple[Phase, ...]:
        """One phase of three players: reconstruction, then the two of the game."""
        settings = self.settings
        its = settings.discriminator.optimizer or settings.optimizer
        model = Player("model", ("encoder", "decoder"), self.noise, self.loss, settings.optimizer)
        discriminator = Player(
            "discriminator", ("discriminator",), self.prior_noise, self.discriminator_loss, its
        )
        encoder = Player("encoder", ("encoder",), self.noise, self.encoder_loss, settings.optimizer)
        return (Phase((model, discriminator, encoder)),)

    def prior_noise(self, n: int, generator: torch.Generator) -> Noise:
        """What `noise` draws, and n codes from the prior."""
        return {**self.noise(n, generator), "prior": self.latents(n, generator)}

    def discriminator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """−E log σ(D(z)) − E log(1 − σ(D(q(x)))), with z from the prior."""
        with torch.no_grad():
            codes = self._game_codes(networks, batch, noise)
        outputs = [code_outputs(networks, z) for z in (noise["prior"], codes)]
        return {"loss": ADVERSARIAL_LOSSES["non-saturating"].discriminator(*outputs)}

    def encoder_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """−E log σ(D(q(x)))."""
        outputs = code_outputs(networks, self._game_codes(networks, batch, noise))
        return {"loss": ADVERSARIAL_LOSSES["non-saturating"].generator(outputs)}

    def _game_codes(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Tensor:
        return at_least_float32(self.shown_codes(networks, batch, noise)[1])


def code_discriminator(settings: CodeDiscriminatorSettings, latent: int) -> nn.Module:
    """Codes N×latent → N×1."""
    return layers(latent, settings.width, settings.depth, 1, nn.LeakyReLU(0.2))


def code_outputs(networks: nn.ModuleDict, codes: Tensor) -> Tensor:
    """What the discriminator says of codes N×latent: N×1 log odds."""
    discriminator: Any = networks["discriminator"]
    return at_least_float32(discriminator(codes))
