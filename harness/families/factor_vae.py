"""FactorVAE (Kim & Mnih 2018, arXiv:1802.05983): a discriminator says how far codes are from having
independent units.
"""

from __future__ import annotations

from typing import Self

import torch
from pydantic import PositiveFloat, model_validator
from torch import Tensor, nn

from harness.data.batch import Batch
from harness.families.base import Losses, Noise, Phase, Player
from harness.families.builders import at_least_float32
from harness.families.code_adversary import (
    CodeDiscriminatorSettings,
    code_discriminator,
    code_outputs,
)
from harness.families.vae import VAE, VAESettings
from harness.networks.dropout import use_masks
from harness.objectives.adversarial import ADVERSARIAL_LOSSES
from harness.objectives.codes import gaussian_kl, permuted_units


class FactorVAESettings(VAESettings):
    """`correlation_weight`: γ, the weight of the total correlation beside the lower bound."""

    correlation_weight: PositiveFloat = 10.0
    discriminator: CodeDiscriminatorSettings = CodeDiscriminatorSettings()

    @model_validator(mode="after")
    def _one_code_an_image(self) -> Self:
        if self.importance_samples > 1 or self.gradient != "reparameterised":
            raise ValueError("a FactorVAE takes one code an image, and its gradient")
        if self.divergence.kind != "weighted":
            raise ValueError("a FactorVAE's divergence is weighted, by beta")
        return self


class FactorVAE(VAE):
    """A VAE that also minimises the density ratio by which a discriminator tells its codes from
    codes with permuted units (algorithm 2).
    """

    Settings = FactorVAESettings
    settings: FactorVAESettings

    def build(self) -> nn.ModuleDict:
        """The VAE's networks, and a discriminator of codes."""
        networks, settings = super().build(), self.settings
        networks["discriminator"] = code_discriminator(settings.discriminator, settings.latent)
        return networks

    def phases(self) -> tuple[Phase, ...]:
        """One phase of two players."""
        settings = self.settings
        its = settings.discriminator.optimizer or settings.optimizer
        trains = tuple(name for name in self.networks if name != "discriminator")
        model = Player("model", trains, self.noise, self.loss, settings.optimizer)
        discriminator = Player(
            "discriminator", ("discriminator",), self.permutation_noise, self.discriminator_loss,
            its,
        )  # fmt: skip
        return (Phase((model, discriminator)),)

    def permutation_noise(self, n: int, generator: torch.Generator) -> Noise:
        """What `noise` draws, and numbers by which units are permuted."""
        order = torch.rand(n, self.settings.latent, generator=generator, device=generator.device)
        return {**self.noise(n, generator), "order": order}

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """Minus the lower bound, and γ times the total correlation as the discriminator has it
        (equation 2): E log D(z) / (1 − D(z)), the mean of its log odds (equation 3).
        """
        mean, logvar, z = self._codes(networks, batch, noise)
        likelihood = self.image_log_likelihood(networks, batch.x, z, batch.labels).mean()
        kl = gaussian_kl(mean, logvar).mean()
        correlation = code_outputs(networks, z).mean()
        weights = self.settings
        loss = weights.beta * kl - likelihood + weights.correlation_weight * correlation
        return {"loss": loss, "reconstruction": -likelihood, "kl": kl, "correlation": correlation}

    def discriminator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The cross-entropy of telling the codes of one half of the batch from those of the other
        half with permuted units.
        """
        with torch.no_grad():
            z = self._codes(networks, batch, noise)[2]
        half = len(z) // 2
        permuted = permuted_units(z[half:], noise["order"][half:])
        outputs = code_outputs(networks, z[:half]), code_outputs(networks, permuted)
        return {"loss": ADVERSARIAL_LOSSES["non-saturating"].discriminator(*outputs)}

    def _codes(
        self, networks: nn.ModuleDict, batch: Batch, noise: Noise
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Mean, log-variance and a draw of each image's code, N×latent."""
        if self.settings.dropout:
            use_masks(networks, noise)
        mean, logvar = at_least_float32(networks["encoder"](batch.x)).chunk(2, dim=1)
        return mean, logvar, mean + (0.5 * logvar).exp() * noise["epsilon"]
