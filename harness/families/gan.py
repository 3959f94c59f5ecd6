"""Generative adversarial networks (Goodfellow et al. 2014, arXiv:1406.2661)."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

import torch
import torch.nn.functional as F
from pydantic import PositiveFloat, PositiveInt, model_validator
from torch import Tensor, nn

from harness.core.settings import Settings
from harness.core.table_keys import KeyOf
from harness.data.batch import Batch
from harness.families.base import Family, Losses, Noise, Phase, Player
from harness.families.builders import (
    ConditionalSettings,
    at_least_float32,
    decoder,
    encoder,
    in_range,
    random_labels,
)
from harness.objectives.adversarial import ADVERSARIAL_LOSSES, AdversarialLoss, OutputMeaning
from harness.objectives.penalties import PENALTIES


class DiscriminatorSettings(Settings):
    """`norm`: whether its convolutions are normalised over the batch, as the generator's always
    are. `updates`: steps that it takes before the generator takes one, each on images of its
    own.
    """

    norm: Literal["batch", "none"] = "batch"
    updates: PositiveInt = 1


class Penalty(Settings):
    """A penalty on the discriminator's slope, one of `objectives.penalties`, and its weight."""

    kind: Annotated[str, KeyOf(PENALTIES)]
    weight: PositiveFloat


class GANSettings(ConditionalSettings):
    """`latent`: numbers in the code. `loss`: one of `objectives.adversarial`. `penalties` are added
    to the discriminator's loss.
    """

    latent: PositiveInt = 64
    loss: Annotated[str, KeyOf(ADVERSARIAL_LOSSES)] = "non-saturating"
    discriminator: DiscriminatorSettings = DiscriminatorSettings()
    penalties: tuple[Penalty, ...] = ()

    @model_validator(mode="after")
    def _penalties_fit(self) -> Self:
        if len({penalty.kind for penalty in self.penalties}) < len(self.penalties):
            raise ValueError("penalties name one kind twice")
        if self.loss == "wasserstein" and not self.penalties:
            raise ValueError(
                "loss: wasserstein bounds its critic's slope; add penalties, such as"
                " [{kind: gradient, weight: 10.0}]"
            )
        if self.penalties and self.network == "conv" and self.discriminator.norm == "batch":
            raise ValueError(
                "penalties go with discriminator: {norm: none}; normalised over the batch, the"
                " output for an image depends on the others"
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
        normalised = settings.discriminator.norm == "batch"
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
            optimizer, updates=self.settings.discriminator.updates,
        )  # fmt: skip
        generator = Player(
            "generator", ("generator",), self.noise, self.generator_loss, optimizer, sees_data=False
        )
        return (Phase((discriminator, generator)),)

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """A code for each of n images."""
        return {"z": self.latents(n, generator)}

    def discriminator_noise(self, n: int, generator: torch.Generator) -> Noise:
        """A code for each of n images, and, for penalties, a place between it and a real image."""
        noise = {"z": self.latents(n, generator)}
        if self.settings.penalties:
            noise["mix"] = torch.rand(n, generator=generator, device=generator.device)
        return noise

    def latents(self, n: int, generator: torch.Generator) -> Tensor:
        """n codes n×latent from the prior, a standard Gaussian."""
        return torch.randn(n, self.settings.latent, generator=generator, device=generator.device)

    def discriminator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The discriminator's side of the loss, and each penalty times its weight."""
        with torch.no_grad():
            fake = networks["generator"](self._code(noise["z"], batch.labels))
        on_real = self._outputs(networks, batch.x, batch.labels)
        on_fake = self._outputs(networks, fake, batch.labels)
        loss = self.adversarial.discriminator(on_real, on_fake)
        parts: dict[str, Tensor] = {}
        for penalty in self.settings.penalties:
            value = PENALTIES[penalty.kind](
                lambda x: self._outputs(networks, x, batch.labels), batch.x, fake, noise["mix"]
            )
            loss = loss + penalty.weight * value
            parts["penalty" if penalty.kind == "gradient" else penalty.kind] = value
        return {"loss": loss, **parts}

    def generator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The generator's side of the loss, of the classes of the batch if it is conditional."""
        fake = networks["generator"](self._code(noise["z"], batch.labels))
        on_fake = self._outputs(networks, fake, batch.labels)
        return {"loss": self.adversarial.generator(on_fake)}

    @property
    def adversarial(self) -> AdversarialLoss:
        """The loss of both players."""
        return ADVERSARIAL_LOSSES[self.settings.loss]

    def _code(self, z: Tensor, labels: Tensor) -> Tensor:
        """What the generator takes: the code, and the class beside it if it is conditional."""
        if not self.conditional:
            return z
        return torch.cat([z, F.one_hot(labels, self.classes).to(z.dtype)], dim=1)

    def _outputs(self, networks: nn.ModuleDict, x: Tensor, labels: Tensor) -> Tensor:
        """The discriminator's output for each image, of its class if it is conditional: N×1."""
        outputs = at_least_float32(networks["discriminator"](x))
        if not self.conditional:
            return outputs
        return outputs[:, :1] + outputs[:, 1:].gather(1, labels[:, None])

    @property
    def output_meaning(self) -> OutputMeaning:
        """What the discriminator's output says of an image."""
        return self.adversarial.output

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


def init_dcgan(module: nn.Module) -> None:
    """Weights from N(0, 0.02²), those of batch normalisation from N(1, 0.02²); biases zero."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.BatchNorm2d):
        mean = 1.0 if isinstance(module, nn.BatchNorm2d) else 0.0
        nn.init.normal_(module.weight, mean, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
