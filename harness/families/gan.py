"""Generative adversarial networks (Goodfellow et al. 2014, arXiv:1406.2661), as DCGAN."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from harness.families.base import Batch, Family, Losses, Noise, Phase, Player
from harness.families.parts import ConditionalSettings, decoder, encoder, random_labels


class GANSettings(ConditionalSettings):
    """`latent`: numbers in the code."""

    latent: PositiveInt = 64


class GAN(Family):
    """A generator and a discriminator with DCGAN's networks and initialisation (section 4).

    Those of `network: mlp` start as torch's layers do: with weights as small as DCGAN's, and no
    normalisation to undo that, nothing would come through them.

    A `conditional` generator takes the class beside the code, as a vector that is 1 at the class
    (Mirza & Osindero 2014, arXiv:1411.1784). Its discriminator adds to its output the product of
    its features with a vector of the class (projection, Miyato & Koyama 2018, arXiv:1802.05637).
    """

    Settings = GANSettings
    averaged = ("generator",)
    settings: GANSettings

    def build(self) -> nn.ModuleDict:
        """The two players' networks."""
        settings, shape = self.settings, self.shape
        code = settings.latent + self.classes
        generator = decoder(settings, shape, code, activation=nn.ReLU())
        # The last layer is linear in the features: an output of its own for each class is their
        # product with that class's vector.
        outputs = 1 + self.classes
        discriminator = encoder(settings, shape, outputs, activation=nn.LeakyReLU(0.2))
        networks = nn.ModuleDict({"generator": generator, "discriminator": discriminator})
        return networks.apply(initialise) if settings.network == "conv" else networks

    @property
    def classes(self) -> int:
        """How many classes it is told apart; 0 where it is told none."""
        return self.settings.classes(self.shape)

    @property
    def conditional(self) -> bool:
        """Whether it can be asked for classes."""
        return self.settings.conditional

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
            fake = networks["generator"](self._code(noise["z"], batch.labels))
        on_real = self._judged(networks, batch.x, batch.labels)
        on_fake = self._judged(networks, fake, batch.labels)
        return {"loss": F.softplus(-on_real).mean() + F.softplus(on_fake).mean()}

    def generator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The non-saturating −E log D(G(z)), of the classes of the batch if it is conditional."""
        fake = networks["generator"](self._code(noise["z"], batch.labels))
        return {"loss": F.softplus(-self._judged(networks, fake, batch.labels)).mean()}

    def _code(self, z: Tensor, labels: Tensor) -> Tensor:
        """What the generator takes: the code, and the class beside it if it is conditional."""
        if not self.conditional:
            return z
        return torch.cat([z, F.one_hot(labels, self.classes).to(z.dtype)], dim=1)

    def _judged(self, networks: nn.ModuleDict, x: Tensor, labels: Tensor) -> Tensor:
        """The discriminator's output for each image, of its class if it is conditional: N×1."""
        outputs: Tensor = networks["discriminator"](x)
        if not self.conditional:
            return outputs
        return outputs[:, :1] + outputs[:, 1:].gather(1, labels[:, None])

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Codes N×latent, with their classes if it is conditional → images N×C×S×S in [-1, 1]."""
        images: Tensor = self.networks["generator"](z)
        return images

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1] from codes of the prior, of classes drawn at random if it is
        conditional.
        """
        if self.conditional:
            return self.sample_labels(random_labels(n, self.classes, generator), generator)
        return self.decode(self.latents(n, generator))

    def sample_labels(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """An image N×C×S×S in [-1, 1] for each of the classes `labels`, int64 N."""
        return self.decode(self._code(self.latents(len(labels), generator), labels))


def initialise(module: nn.Module) -> None:
    """Weights from N(0, 0.02²), those of batch normalisation from N(1, 0.02²); biases zero."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.BatchNorm2d):
        mean = 1.0 if isinstance(module, nn.BatchNorm2d) else 0.0
        nn.init.normal_(module.weight, mean, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
