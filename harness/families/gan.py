"""Generative adversarial networks (Goodfellow et al. 2014, arXiv:1406.2661)."""

from __future__ import annotations

import math
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.data.batch import Batch
from harness.families.base import Family, Losses, Noise, Phase, Player
from harness.families.builders import in_range, random_labels
from harness.families.gan_game import Game, Network, with_parameters
from harness.families.gan_networks import gan_networks
from harness.families.gan_settings import Consensus, GANSettings, Simultaneous, Unrolled
from harness.networks.batch_features import pack
from harness.networks.normalisation import iterate_spectrally, statistics_kept
from harness.networks.weight_clipping import clip_weights
from harness.objectives.adversarial import OutputMeaning
from harness.objectives.dynamics import Parameters, gradient_energy, simultaneous, unrolled
from harness.objectives.penalties import PENALTIES


class GAN(Family):
    """A generator and a discriminator, built and trained as their settings say.

    A `conditional` generator takes the class beside the code, as a vector that is 1 at the class
    (Mirza & Osindero 2014, arXiv:1411.1784).
    """

    Settings = GANSettings
    averaged = ("generator",)
    settings: GANSettings

    def build(self) -> nn.ModuleDict:
        """The two players' networks."""
        return gan_networks(self.settings, self.shape)

    @cached_property
    def game(self) -> Game:
        """What the players minimise."""
        return Game(self.settings, self.classes)

    @property
    def classes(self) -> int:
        """How many classes it is conditioned on; 0 where it takes none."""
        return self.settings.classes(self.shape)

    @property
    def conditional(self) -> bool:
        """Whether it can be asked for classes."""
        return self.settings.conditional

    def phases(self) -> tuple[Phase, ...]:
        """One phase in which the discriminator moves first, or both players at once."""
        settings = self.settings
        after = self.constrain if self.game.is_constrained else None
        if isinstance(settings.dynamics, Simultaneous | Consensus):
            both = Player(
                "both", ("discriminator", "generator"), self.discriminator_noise, self.both_losses,
                settings.optimizer, after=after,
            )  # fmt: skip
            return (Phase((both,)),)
        discriminator = Player(
            "discriminator", ("discriminator",), self.discriminator_noise, self.discriminator_loss,
            settings.discriminator.optimizer or settings.optimizer, after=after,
            updates=settings.discriminator.updates,
        )  # fmt: skip
        generator = Player(
            "generator", ("generator",), self.generator_noise, self.generator_loss,
            settings.generator.optimizer or settings.optimizer, sees_data=self.game.reads_real,
        )  # fmt: skip
        return (Phase((discriminator, generator)),)

    def constrain(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """Holds the discriminator to what bounds its slope, after each of its steps; the share of
        its weights that clipping keeps at their bound.
        """
        discriminator, settings = networks["discriminator"], self.settings.discriminator
        iterate_spectrally(discriminator)
        if settings.clip is None:
            return {}
        return {"weights_at_bound": clip_weights(discriminator, settings.clip)}

    def generator_noise(self, n: int, generator: torch.Generator) -> Noise:
        """A code for each of n images, and what the discriminator that it meets is given beside."""
        if isinstance(self.settings.dynamics, Unrolled):
            return self.discriminator_noise(n, generator)
        return {"z": self.codes(n, generator), **self.game.augmentation_noise(n, generator)}

    def discriminator_noise(self, n: int, generator: torch.Generator) -> Noise:
        """A code for each of n images; for penalties a place between it and a real image, and
        perturbations.
        """
        noise = {"z": self.codes(n, generator)}
        penalties = [PENALTIES[penalty.kind] for penalty in self.settings.penalties]
        packs = n // self.settings.discriminator.packing
        if penalties:
            noise["mix"] = torch.rand(packs, generator=generator, device=generator.device)
        if any(penalty.perturbs for penalty in penalties):
            shape = (packs, -1, self.shape.size, self.shape.size)
            values = n * self.shape.channels * self.shape.size**2
            uniform = torch.rand(values, generator=generator, device=generator.device)
            noise["perturbation"] = uniform.view(shape)
        return noise | self.game.augmentation_noise(n, generator)

    def codes(self, n: int, generator: torch.Generator) -> Tensor:
        """n codes n×latent from the prior, a standard Gaussian."""
        return torch.randn(n, self.settings.latent, generator=generator, device=generator.device)

    def latents(self, n: int, generator: torch.Generator) -> Tensor:
        """n codes n×latent as `decode` takes them, drawn as in training."""
        return self.codes(n, generator)

    def discriminator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The discriminator's side of the game, against images of the batch's classes."""
        with torch.no_grad():
            fake = self.made(networks["generator"], batch.labels, noise)
        discriminator = networks["discriminator"]
        return self.game.discriminator_loss(discriminator, batch.x, fake, batch.labels, noise)

    def generator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The generator's side, against the discriminator as it is or as it would be after some
        steps. Of the discriminator nothing moves, running moments included.
        """
        fake = self.made(networks["generator"], batch.labels, noise)
        discriminator = networks["discriminator"]
        with statistics_kept(discriminator):
            judge = self._opponent(discriminator, batch, fake, noise)
            return self.game.generator_loss(judge, batch.x, fake, batch.labels, noise)

    def _opponent(
        self, discriminator: nn.Module, batch: Batch, fake: Tensor, noise: Noise
    ) -> Network:
        """The discriminator, or what it would be after some steps against the images `fake`."""
        dynamics = self.settings.dynamics
        if not isinstance(dynamics, Unrolled):
            return discriminator

        def loss(parameters: Parameters) -> Tensor:
            judge = with_parameters(discriminator, parameters)
            return self.game.discriminator_loss(judge, batch.x, fake, batch.labels, noise)["loss"]

        start = {name: value.detach() for name, value in discriminator.named_parameters()}
        optimizer = self.settings.discriminator.optimizer or self.settings.optimizer
        rate = dynamics.lr or optimizer.lr
        return with_parameters(discriminator, unrolled(loss, start, dynamics.steps, rate))

    def both_losses(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """Both sides of the game, each with gradients for its own player, and the penalty of
        consensus where the recipe asks for it.
        """
        discriminator, generator = networks["discriminator"], networks["generator"]
        real, labels = batch.x, batch.labels

        def first(theirs: Parameters, others: Parameters) -> Tensor:
            fake = self.made(with_parameters(generator, others), labels, noise)
            judge = with_parameters(discriminator, theirs)
            return self.game.discriminator_loss(judge, real, fake, labels, noise)["loss"]

        def second(theirs: Parameters, others: Parameters) -> Tensor:
            fake = self.made(with_parameters(generator, theirs), labels, noise)
            judge = with_parameters(discriminator, others)
            with statistics_kept(networks):
                return self.game.generator_loss(judge, real, fake, labels, noise)["loss"]

        parameters = dict(discriminator.named_parameters()), dict(generator.named_parameters())
        sides = simultaneous(first, second, *parameters)
        losses = dict(zip(("discriminator", "generator"), sides, strict=True))
        loss = losses["discriminator"] + losses["generator"]
        if isinstance(self.settings.dynamics, Consensus):
            with statistics_kept(networks):
                losses["energy"] = gradient_energy(first, second, *parameters)
            loss = loss + self.settings.dynamics.weight * losses["energy"]
        return {"loss": loss, **losses}

    def made(self, generator: Network, labels: Tensor, noise: Noise) -> Tensor:
        """The images of the noise's codes, N×C×S×S."""
        return generator(self._code(noise["z"], labels))

    def _code(self, z: Tensor, labels: Tensor) -> Tensor:
        """What the generator takes: the code, and the class beside it if it is conditional."""
        if not self.conditional:
            return z
        return torch.cat([z, F.one_hot(labels, self.classes).to(z.dtype)], dim=1)

    @property
    def output_meaning(self) -> OutputMeaning:
        """What the discriminator's output says of an image."""
        return self.game.adversarial.output

    def discriminate(self, x: Tensor) -> Tensor:
        """The discriminator's output for images N×C×S×S in [-1, 1], if it needs no class: N; as in
        training. Of images that it judges in packs, each has its pack's.
        """
        network, size = self.networks["discriminator"], self.settings.discriminator.packing
        outputs = [
            as_in_training(network, pack(filled(batch, size), size))[:, 0].repeat_interleave(size)[
                : len(batch)
            ]
            for batch in self._training_batches(x)
        ]
        return torch.cat(outputs)

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
    was_training = network.training
    try:
        with statistics_kept(network):
            output: Tensor = network.train()(x)
    finally:
        network.train(was_training)
    return output


def filled(x: Tensor, size: int) -> Tensor:
    """`x` and, where its length is no multiple of `size`, as many of it again as are missing."""
    length = math.ceil(len(x) / size) * size
    return x[torch.arange(length, device=x.device) % len(x)]
