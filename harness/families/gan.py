"""Generative adversarial networks (Goodfellow et al. 2014, arXiv:1406.2661), as DCGAN."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from harness.families.base import Batch, Family, Losses, Noise, Phase, Player
from harness.families.parts import NetworkSettings, decoder, encoder


class GANSettings(NetworkSettings):
    """`latent`: numbers in the code."""

    latent: PositiveInt = 64


class GAN(Family):
    """A generator and a discriminator with DCGAN's networks and initialisation (section 4).

    Those of `network: mlp` start as torch's layers do: with weights as small as DCGAN's, and no
    normalisation to undo that, nothing would come through them.
    """

    Settings = GANSettings
    averaged = ("generator",)
    settings: GANSettings

    def build(self) -> nn.ModuleDict:
        """The two players' networks."""
        settings, shape = self.settings, self.shape
        generator = decoder(settings, shape, settings.latent, activation=nn.ReLU())
        discriminator = encoder(settings, shape, out=1, activation=nn.LeakyReLU(0.2))
        networks = nn.ModuleDict({"generator": generator, "discriminator": discriminator})
        return networks.apply(initialise) if settings.network == "conv" else networks

    def phases(self) -> tuple[Phase, ...]:
        """One phase in which the discriminator moves first."""
        optimizer = self.settings.optimizer
        discriminator = Player(
            "discriminator", ("discriminator",), self.noise, self.discriminator_loss, optimizer
        )
        generator = Player(
            "generator", ("generator",), self.noise, self.generator_loss, optimizer, sees_data=False
        )
        return (Phase((discriminator, generator)),)

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """A code for each of n images."""
        return {"z": self.latents(n, generator)}

    def latents(self, n: int, generator: torch.Generator) -> Tensor:
        """n codes n×latent from the prior, a standard Gaussian."""
        return torch.randn(n, self.settings.latent, generator=generator, device=generator.device)

    def discriminator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """−E log D(x) − E log(1 − D(G(z))), where D is the logistic of the network's output."""
        with torch.no_grad():
            fake = networks["generator"](noise["z"])
        on_real = networks["discriminator"](batch.x)
        on_fake = networks["discriminator"](fake)
        return {"loss": F.softplus(-on_real).mean() + F.softplus(on_fake).mean()}

    def generator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The non-saturating −E log D(G(z))."""
        fake = networks["generator"](noise["z"])
        return {"loss": F.softplus(-networks["discriminator"](fake)).mean()}

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Codes N×latent → images N×C×S×S in [-1, 1]."""
        images: Tensor = self.networks["generator"](z)
        return images

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1] from codes of the prior."""
        return self.decode(self.latents(n, generator))


def initialise(module: nn.Module) -> None:
    """Weights from N(0, 0.02²), those of batch normalisation from N(1, 0.02²); biases zero."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.BatchNorm2d):
        mean = 1.0 if isinstance(module, nn.BatchNorm2d) else 0.0
        nn.init.normal_(module.weight, mean, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
