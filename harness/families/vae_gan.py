"""The VAE-GAN (Larsen et al. 2016, arXiv:1512.09300): errors are counted in what a discriminator
sees.
"""

from __future__ import annotations

from typing import Any, Self

import torch
from pydantic import PositiveFloat, model_validator
from torch import Tensor, nn

from harness.data.batch import Batch
from harness.families.base import Losses, Noise, Phase, Player
from harness.families.builders import at_least_float32, encoder
from harness.families.vae import GaussianCoder, VAESettings
from harness.objectives.adversarial import ADVERSARIAL_LOSSES
from harness.objectives.codes import gaussian_kl


class VAEGANSettings(VAESettings):
    """`similarity`: the weight γ of features beside the game in the decoder's loss."""

    similarity: PositiveFloat = 1e-2

    @model_validator(mode="after")
    def _networks_are_convolutions(self) -> Self:
        if self.network == "mlp":
            raise ValueError("a VAE-GAN goes with network: conv, whose features it compares")
        if self.importance_samples > 1 or self.gradient != "reparameterised":
            raise ValueError("a VAE-GAN takes one code an image, and its gradient")
        if self.likelihood != "gaussian" or self.sigma == "learned":
            raise ValueError("a VAE-GAN has no likelihood of pixels: it counts errors of features")
        if self.divergence.kind != "weighted":
            raise ValueError("a VAE-GAN's divergence is weighted, by beta")
        return self


class VAEGAN(GaussianCoder):
    """Encoder, decoder and discriminator, each a player with a loss of its own (algorithm 1)."""

    Settings = VAEGANSettings
    settings: VAEGANSettings

    def build(self) -> nn.ModuleDict:
        """The VAE's networks, and a discriminator."""
        networks = super().build()
        networks["discriminator"] = encoder(self.settings, self.shape, 1, nn.LeakyReLU(0.2))
        return networks

    def phases(self) -> tuple[Phase, ...]:
        """One phase of three players."""
        optimizer = self.settings.optimizer
        losses = {
            "encoder": self.encoder_loss,
            "decoder": self.decoder_loss,
            "discriminator": self.discriminator_loss,
        }
        players = (
            Player(name, (name,), self.noise, loss, optimizer) for name, loss in losses.items()
        )
        return (Phase(tuple(players)),)

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """Standard Gaussian numbers for the code of each of n images, and n codes of the prior."""
        return {**super().noise(n, generator), "prior": self.latents(n, generator)}

    def encoder_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """β·KL and the error of features, in nats per image (equations 5 and 8)."""
        mean, logvar, rebuilt = self._rebuilt(networks, batch, noise)
        kl = gaussian_kl(mean, logvar).mean()
        error = _feature_error(networks, batch.x, rebuilt)
        return {"loss": self.settings.beta * kl + error, "kl": kl, "reconstruction": error}

    def decoder_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """γ times the error of features, and the generator's side of the game."""
        *_, rebuilt = self._rebuilt(networks, batch, noise)
        made = networks["decoder"](noise["prior"])
        game = ADVERSARIAL_LOSSES["non-saturating"].generator(
            torch.cat([_outputs(networks, images) for images in (rebuilt, made)])
        )
        error = _feature_error(networks, batch.x, rebuilt)
        return {"loss": self.settings.similarity * error + game, "adversarial": game}

    def discriminator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The discriminator's side: reconstructions and samples are both made (section 2.3)."""
        with torch.no_grad():
            *_, rebuilt = self._rebuilt(networks, batch, noise)
            made = networks["decoder"](noise["prior"])
        fake = torch.cat([_outputs(networks, images) for images in (rebuilt, made)])
        real = _outputs(networks, batch.x)
        return {"loss": ADVERSARIAL_LOSSES["non-saturating"].discriminator(real, fake)}

    def _rebuilt(
        self, networks: nn.ModuleDict, batch: Batch, noise: Noise
    ) -> tuple[Tensor, Tensor, Tensor]:
        mean, logvar = at_least_float32(networks["encoder"](batch.x)).chunk(2, dim=1)
        z = mean + (0.5 * logvar).exp() * noise["epsilon"]
        return mean, logvar, networks["decoder"](z)

    def decode(self, z: Tensor) -> Tensor:
        """Codes N×latent → images N×C×S×S in [-1, 1]."""
        return self.images(z)

    def reconstruct(self, x: Tensor) -> Tensor:
        """x N×C×S×S → x̂ through the posterior's mean, both in [-1, 1]."""
        return self.decode(self.encode(x))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1], from codes of the prior."""
        return self.decode(self.latents(n, generator))


def _outputs(networks: nn.ModuleDict, x: Tensor) -> Tensor:
    return at_least_float32(networks["discriminator"](x))


def _feature_error(networks: nn.ModuleDict, x: Tensor, rebuilt: Tensor) -> Tensor:
    """E ½‖D_l(x) − D_l(x̂)‖², with D_l the last features of the discriminator (equation 7)."""
    discriminator: Any = networks["discriminator"]
    features = [at_least_float32(discriminator.body(images)) for images in (x, rebuilt)]
    return (features[0] - features[1]).square().flatten(1).sum(dim=1).mean() / 2
