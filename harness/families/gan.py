"""Generative adversarial networks (Goodfellow et al. 2014, arXiv:1406.2661), DCGAN, WGAN-GP."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, Self

import torch
import torch.nn.functional as F
from pydantic import NonNegativeFloat, PositiveInt, model_validator
from torch import Tensor, nn

from harness.data.batch import Batch
from harness.families.base import Family, Losses, Noise, Phase, Player, Settings
from harness.families.builders import (
    ConditionalSettings,
    at_least_float32,
    decoder,
    encoder,
    in_range,
    random_labels,
)


class Critic(Settings):
    """Of the discriminator: whether its convolutions are normalised over the batch (those of the
    generator always are), and how often it moves before the generator does, on images of its own.
    """

    norm: Literal["batch", "none"] = "batch"
    updates: PositiveInt = 1


class Penalty(Settings):
    """`gradient`: the weight of the gradient penalty (Gulrajani et al. 2017, equation 3)."""

    gradient: NonNegativeFloat = 0.0


class GANSettings(ConditionalSettings):
    """`latent`: numbers in the code.

    `loss`: non-saturating (Goodfellow et al. 2014, section 3) or Wasserstein's (Arjovsky et al.
    2017, arXiv:1701.07875), which takes a `penalty` to bound the slope of its critic.
    """

    latent: PositiveInt = 64
    loss: Literal["non-saturating", "wasserstein"] = "non-saturating"
    critic: Critic = Critic()
    penalty: Penalty = Penalty()

    @model_validator(mode="after")
    def _penalties_fit(self) -> Self:
        if self.loss == "wasserstein" and not self.penalty.gradient:
            raise ValueError("loss: wasserstein goes with a penalty, such as {gradient: 10.0}")
        if self.penalty.gradient and self.network == "conv" and self.critic.norm == "batch":
            raise ValueError(
                "a gradient penalty goes with critic: {norm: none}; normalised over the batch, what"
                " the critic says of an image depends on the others"
            )
        return self


class GAN(Family):
    """A generator and a discriminator with DCGAN's networks and initialisation (section 4).

    An MLP and a critic without normalisation start as torch's layers do: with weights as small as
    DCGAN's, and no normalisation to undo that, nothing would come through them.

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
        normalised = settings.critic.norm == "batch"
        discriminator = encoder(
            settings, shape, outputs, activation=nn.LeakyReLU(0.2), normalised=normalised
        )
        if settings.network == "conv":
            generator.apply(init_dcgan)
            if normalised:
                discriminator.apply(init_dcgan)
        return nn.ModuleDict({"generator": generator, "discriminator": discriminator})

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
            "discriminator", ("discriminator",), self.discriminator_noise, self.discriminator_loss,
            optimizer, updates=self.settings.critic.updates,
        )  # fmt: skip
        generator = Player(
            "generator", ("generator",), self.noise, self.generator_loss, optimizer, sees_data=False
        )
        return (Phase((discriminator, generator)),)

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """A code for each of n images."""
        return {"z": self.latents(n, generator)}

    def discriminator_noise(self, n: int, generator: torch.Generator) -> Noise:
        """A code for each of n images, and, for a penalty, a place between it and a real image."""
        noise = {"z": self.latents(n, generator)}
        if self.settings.penalty.gradient:
            noise["mix"] = torch.rand(n, generator=generator, device=generator.device)
        return noise

    def latents(self, n: int, generator: torch.Generator) -> Tensor:
        """n codes n×latent from the prior, a standard Gaussian."""
        return torch.randn(n, self.settings.latent, generator=generator, device=generator.device)

    def discriminator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """−E log D(x) − E log(1 − D(G(z))), where D is the logistic of the network's output; or
        Wasserstein's E D(G(z)) − E D(x), where D is the output; and the penalty.
        """
        with torch.no_grad():
            fake = networks["generator"](self._code(noise["z"], batch.labels))
        on_real = self._judged(networks, batch.x, batch.labels)
        on_fake = self._judged(networks, fake, batch.labels)
        if self.settings.loss == "wasserstein":
            loss = on_fake.mean() - on_real.mean()
        else:
            loss = F.softplus(-on_real).mean() + F.softplus(on_fake).mean()
        weight = self.settings.penalty.gradient
        if not weight:
            return {"loss": loss}
        penalty = gradient_penalty(
            lambda x: self._judged(networks, x, batch.labels), batch.x, fake, noise["mix"]
        )
        return {"loss": loss + weight * penalty, "penalty": penalty}

    def generator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The non-saturating −E log D(G(z)), or Wasserstein's −E D(G(z)); of the classes of the
        batch if it is conditional.
        """
        fake = networks["generator"](self._code(noise["z"], batch.labels))
        on_fake = self._judged(networks, fake, batch.labels)
        if self.settings.loss == "wasserstein":
            return {"loss": -on_fake.mean()}
        return {"loss": F.softplus(-on_fake).mean()}

    def _code(self, z: Tensor, labels: Tensor) -> Tensor:
        """What the generator takes: the code, and the class beside it if it is conditional."""
        if not self.conditional:
            return z
        return torch.cat([z, F.one_hot(labels, self.classes).to(z.dtype)], dim=1)

    def _judged(self, networks: nn.ModuleDict, x: Tensor, labels: Tensor) -> Tensor:
        """The discriminator's output for each image, of its class if it is conditional: N×1."""
        outputs = at_least_float32(networks["discriminator"](x))
        if not self.conditional:
            return outputs
        return outputs[:, :1] + outputs[:, 1:].gather(1, labels[:, None])

    @property
    def gives_odds(self) -> bool:
        """Whether the discriminator's output is the log odds that an image is real."""
        return self.settings.loss == "non-saturating"

    def discriminate(self, x: Tensor) -> Tensor:
        """The discriminator's output for images N×C×S×S in [-1, 1], if it needs no class: N; as in
        training.
        """
        batches = self._training_batches(x)
        outputs = [as_in_training(self.networks["discriminator"], batch) for batch in batches]
        return torch.cat(outputs)[:, 0]

    def opponent_samples(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1] as the discriminator met them, if they need no class."""
        network = (self.raw or self.networks)["generator"]
        batches = self._training_batches(self.latents(n, generator))
        made = torch.cat([as_in_training(network, batch) for batch in batches])
        return in_range(made, self.shape)

    def _training_batches(self, x: Tensor) -> tuple[Tensor, ...]:
        """Parts of nearly one size, at most a training batch's: a small rest would have moments of
        its own.
        """
        return x.tensor_split(math.ceil(len(x) / self.settings.batch_size))

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Codes N×latent, with their classes if it is conditional → images N×C×S×S in [-1, 1]."""
        images: Tensor = self.networks["generator"](z)
        return in_range(images, self.shape)

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


@torch.no_grad()
def as_in_training(network: nn.Module, x: Tensor) -> Tensor:
    """What a network gives for a batch in training: batch normalisation takes its moments over `x`.
    The network stays as it was, running moments included.
    """
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    was_training = network.training
    try:
        output: Tensor = torch.func.functional_call(network.train(), buffers, (x,))
    finally:
        network.train(was_training)
    return output


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor
) -> Tensor:
    """E (‖∇D(x̂)‖₂ − 1)² at x̂ = ε·x + (1 − ε)·x̃ (Gulrajani et al. 2017, equation 3).

    real x and fake x̃ N×C×S×S, mix ε N in [0, 1); the critic takes images to N×1, each for itself.
    """
    share = mix[:, None, None, None]
    between = share * real + (1 - share) * fake
    # Unlike autograd.grad this survives torch.compile, which knows no gradient of a gradient.
    slopes: Tensor = torch.func.grad(lambda x: critic(x).sum())(between)
    norms: Tensor = slopes.flatten(1).norm(dim=1)
    return (norms - 1).square().mean()


def init_dcgan(module: nn.Module) -> None:
    """Weights from N(0, 0.02²), those of batch normalisation from N(1, 0.02²); biases zero."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.BatchNorm2d):
        mean = 1.0 if isinstance(module, nn.BatchNorm2d) else 0.0
        nn.init.normal_(module.weight, mean, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
