"""GANs that are grown from small images to large ones (Karras et al. 2018, arXiv:1710.10196)."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Self

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families.base import PROGRESS, Losses, Noise, Phase, Player, TrainingImages
from harness.families.gan import GAN
from harness.families.gan_networks import ACTIVATIONS, init_dcgan, start_discriminator
from harness.families.gan_settings import Alternating, GANSettings
from harness.networks.growing import (
    Growing,
    GrowingDiscriminator,
    GrowingGenerator,
    at_level,
    image_sizes,
)
from harness.networks.normalisation import NORMS, statistics_kept
from harness.objectives.penalties import PENALTIES


class ProgressiveSettings(GANSettings):
    """`start`: the side of the first images, whose double is that of the next ones; without it,
    twice the smallest maps of DCGAN's networks. `fade_in`: the share of each later phase in
    which its layers fade in. All phases show equally many images.
    """

    start: PositiveInt | None = None
    fade_in: Annotated[float, Field(gt=0, le=1)] = 0.5

    @model_validator(mode="after")
    def _grows(self) -> Self:
        discriminator, generator = self.discriminator, self.generator
        if self.network != "conv" or {discriminator.blocks, generator.blocks} != {"strided"}:
            raise ValueError("what grows are DCGAN's networks; leave out network and blocks")
        if discriminator.attention or generator.attention:
            raise ValueError("networks that grow have no attention; leave it out")
        if self.conditional or generator.extras or not isinstance(self.dynamics, Alternating):
            raise ValueError("networks that grow have no conditional, extras or dynamics")
        if discriminator.augment or any(PENALTIES[p.kind].perturbs for p in self.penalties):
            raise ValueError("networks that grow take no augment and no penalties: dragan")
        return self


class ProgressiveGAN(GAN):
    """DCGAN's networks, trained level by level: a phase for each size of images."""

    Settings = ProgressiveSettings
    settings: ProgressiveSettings

    def build(self) -> nn.ModuleDict:
        """The two players' networks; BadInput for images that `start` does not reach."""
        settings, shape = self.settings, self.shape
        own, norm = settings.discriminator, NORMS[settings.discriminator.norm]
        self._levels  # noqa: B018 - raises BadInput
        generator = GrowingGenerator(
            settings.latent, shape.channels, shape.size, settings.generator.width or settings.width,
            nn.ReLU(), NORMS[settings.generator.norm],
        )  # fmt: skip
        discriminator = GrowingDiscriminator(
            own.packing * shape.channels, shape.size, own.width or settings.width, 1,
            activation=ACTIVATIONS[own.activation], norm=norm, head=own.head,
        )  # fmt: skip
        if settings.generator.norm != "none":
            generator.apply(init_dcgan)
        start_discriminator(discriminator, settings)
        return nn.ModuleDict({"generator": generator, "discriminator": discriminator})

    @property
    def _levels(self) -> range:
        """The levels that are trained, from the one of `start`."""
        sizes, start = image_sizes(self.shape.size), self.settings.start
        if start is not None and start not in sizes[:-1]:
            size = self.shape.size
            raise BadInput(
                f"progressive growing from {start}×{start} does not reach images of {size}×{size};"
                f" say start: {sizes[0]}, or leave it out"
            )
        return range(0 if start is None else sizes.index(start), len(sizes))

    def phases(self) -> tuple[Phase, ...]:
        """A phase for each level, in which the discriminator moves first."""
        levels = self._levels
        return tuple(self._phase(level, 1 / len(levels), level > levels[0]) for level in levels)

    def _phase(self, level: int, share: float, fades: bool) -> Phase:
        settings, size = self.settings, image_sizes(self.shape.size)[level]
        discriminator = Player(
            "discriminator", ("discriminator",), self.discriminator_noise,
            partial(self._discriminator_side, level, fades),
            settings.discriminator.optimizer or settings.optimizer,
            updates=settings.discriminator.updates, reads_progress=fades,
            after=self.constrain if self.game.is_constrained else None,
        )  # fmt: skip
        generator = Player(
            "generator", ("generator",), self.generator_noise,
            partial(self._generator_side, level, fades),
            settings.generator.optimizer or settings.optimizer,
            sees_data=self.game.reads_real, reads_progress=fades,
            after=self._record_fade if fades else None,
        )  # fmt: skip
        return Phase(
            (discriminator, generator), f"{size}x{size}", share, begin=partial(_begin, level)
        )

    def _fade(self, noise: Noise, fades: bool) -> Tensor | None:
        """How far the level has faded in, in [0, 1]; None for the first one."""
        return (noise[PROGRESS] / self.settings.fade_in).clamp(max=1) if fades else None

    def _discriminator_side(
        self, level: int, fades: bool, networks: nn.ModuleDict, batch: Batch, noise: Noise
    ) -> Losses:
        """As a GAN's, of images of the level's size."""
        fade = self._fade(noise, fades)
        real, judge = self._stage(networks, batch, level, fade)
        with torch.no_grad():
            fake = _generator(networks).grown(noise["z"], level, fade)
        return self.game.discriminator_loss(judge, real, fake, batch.labels, noise)

    def _generator_side(
        self, level: int, fades: bool, networks: nn.ModuleDict, batch: Batch, noise: Noise
    ) -> Losses:
        """As a GAN's, of images of the level's size."""
        fade = self._fade(noise, fades)
        real, judge = self._stage(networks, batch, level, fade)
        fake = _generator(networks).grown(noise["z"], level, fade)
        with statistics_kept(networks["discriminator"]):
            return self.game.generator_loss(judge, real, fake, batch.labels, noise)

    def _stage(
        self, networks: nn.ModuleDict, batch: Batch, level: int, fade: Tensor | None
    ) -> tuple[Tensor, partial[Tensor]]:
        """The batch's images at the level, and the discriminator of such images."""
        discriminator = networks["discriminator"]
        assert isinstance(discriminator, GrowingDiscriminator)
        real = at_level(batch.x, discriminator.sizes[level], fade)
        return real, partial(discriminator.judged, level=level, fade=fade)

    def _record_fade(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """Has the networks know how far the level has faded in; that share."""
        fade = self._fade(noise, fades=True)
        assert fade is not None
        for network in _growing(networks):
            network.fade.copy_(fade)
        return {"fade": fade}


def _begin(
    level: int, networks: nn.ModuleDict, images: TrainingImages, generator: torch.Generator
) -> None:
    """Has both networks grow to the level."""
    for network in _growing(networks):
        network.level.fill_(level)
        network.fade.fill_(1.0 if level == 0 else 0.0)


def _growing(networks: nn.ModuleDict) -> list[Growing]:
    return [network for network in networks.values() if isinstance(network, Growing)]


def _generator(networks: nn.ModuleDict) -> GrowingGenerator:
    network = networks["generator"]
    assert isinstance(network, GrowingGenerator)
    return network
