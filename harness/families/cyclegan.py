"""Translation between two domains without pairs: CycleGAN (Zhu et al. 2017, arXiv:1703.10593)."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families.base import (
    Family,
    FamilySettings,
    ImageShape,
    Layers,
    Losses,
    Noise,
    Phase,
    Player,
)
from harness.families.builders import no_noise
from harness.families.capabilities import Direction
from harness.families.optimizers import Adam, AnyOptimizer
from harness.networks.cyclegan import PatchDiscriminator, ResidualTranslator
from harness.networks.image_pool import ImagePool
from harness.objectives.reconstruction import absolute_error


class CycleGANSettings(FamilySettings):
    """`width`: channels of all networks at full resolution. `blocks`: of a translator.

    `cycle` and `identity` weigh these losses against the adversarial ones; 0 leaves them out.
    `pool`: translations of each domain that wait to be shown to its discriminator, see
    `networks.image_pool`; 0 shows what is made now. Half of a batch is of the first domain, half of
    the second.
    """

    batch_size: PositiveInt = Field(default=2, multiple_of=2)
    optimizer: AnyOptimizer = Adam(lr=2e-4, betas=(0.5, 0.999))
    width: PositiveInt = 64
    blocks: Layers = Field(default=9, ge=1)
    cycle: NonNegativeFloat = 10.0
    identity: NonNegativeFloat = 0.0
    pool: Annotated[NonNegativeInt, Field(le=10_000)] = 0


class CycleGAN(Family):
    """A translator each way, and a discriminator of each domain, which they have to convince.

    Its networks and the player of the discriminators are called critics: weights in stores have
    these names, and randomness is derived from them.
    """

    Settings = CycleGANSettings
    averaged = ("to_b", "to_a")
    settings: CycleGANSettings

    def build(self) -> nn.ModuleDict:
        """Two translators and two discriminators; BadInput for data that are not two domains."""
        if not self.shape.unpaired:
            raise BadInput(
                "its images are not of two domains; name unpaired:PATH, or a task such as "
                "digits[unpaired=outlines]"
            )
        channels, size, width = self.shape.channels, self.shape.size, self.settings.width

        def translator() -> nn.Module:
            return ResidualTranslator(channels, size, width, self.settings.blocks)

        def discriminator() -> nn.Module:
            return PatchDiscriminator(channels, size, width)

        networks = nn.ModuleDict(
            {
                "to_b": translator(),
                "to_a": translator(),
                "critic_b": discriminator(),
                "critic_a": discriminator(),
            }
        )
        return networks.apply(init_cyclegan)

    def phases(self) -> tuple[Phase, ...]:
        """One phase in which the discriminators move first."""
        optimizer, pool = self.settings.optimizer, self.settings.pool
        discriminators = Player(
            "critics", ("critic_b", "critic_a"), self.noise, self.discriminator_loss, optimizer,
            prepare=TranslationPools(pool, self.shape) if pool else None,
        )  # fmt: skip
        translators = Player(
            "translators", ("to_b", "to_a"), no_noise, self.translator_loss, optimizer
        )
        return (Phase((discriminators, translators)),)

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """What the pools draw for n translations, n×2 in [0, 1), where there are pools."""
        if not self.settings.pool:
            return {}
        return {"draws": torch.rand(n, 2, generator=generator, device=generator.device)}

    def discriminator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """Half the squared distance of what is said of images from 1, and of translations from 0:
        least squares (Mao et al. 2017, arXiv:1611.04076), halved as the authors do.
        """
        a, b = domains_of(batch.x)
        with torch.no_grad():
            made = noise["made"] if "made" in noise else translate_both(networks, batch)
        made_a, made_b = domains_of(made)
        loss = a.new_zeros(())
        for name, real, fake in (("critic_b", b, made_b), ("critic_a", a, made_a)):
            on_real, on_made = networks[name](real), networks[name](fake)
            loss = loss + (on_real - 1).square().mean() / 2 + on_made.square().mean() / 2
        return {"loss": loss}

    def translator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """Equation 3: the squared distance from 1 of what discriminators say of translations, and
        `cycle` times the absolute error of translations translated back (equation 2). It
        adds `identity` times the error of translators on images that are already of the domain they
        translate to (section 5.2).
        """
        a, b = domains_of(batch.x)
        to_b, to_a = networks["to_b"], networks["to_a"]
        made_b, made_a = to_b(a), to_a(b)
        parts = {
            "adversarial": (networks["critic_b"](made_b) - 1).square().mean()
            + (networks["critic_a"](made_a) - 1).square().mean()
        }
        loss = parts["adversarial"]
        if self.settings.cycle:
            parts["cycle"] = absolute_error(a, to_a(made_b)) + absolute_error(b, to_b(made_a))
            loss = loss + self.settings.cycle * parts["cycle"]
        if self.settings.identity:
            parts["identity"] = absolute_error(b, to_b(b)) + absolute_error(a, to_a(a))
            loss = loss + self.settings.identity * parts["identity"]
        return {"loss": loss, **parts}

    @torch.no_grad()
    def translate(self, x: Tensor, direction: Direction) -> Tensor:
        """x N×C×S×S → images N×C×S×S of the other domain, in [-1, 1]."""
        images: Tensor = self.networks["to_b" if direction == "forward" else "to_a"](x)
        return images


class TranslationPools(nn.Module):
    """The pools of both domains: gives the discriminators translations made now or earlier."""

    def __init__(self, size: int, shape: ImageShape) -> None:
        super().__init__()
        self.pools = nn.ModuleList(ImagePool(size, shape.channels, shape.size) for _ in range(2))

    def forward(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Noise:
        """The noise with `made`, translations as in `translations`."""
        made = translate_both(networks, batch)
        for domain, pool in enumerate(self.pools):
            assert isinstance(pool, ImagePool)
            made[domain::2] = pool.exchange(made[domain::2], noise["draws"][domain::2])
        return {**noise, "made": made}


def translate_both(networks: nn.ModuleDict, batch: Batch) -> Tensor:
    """Translations of a batch's images, each in a place of the domain that it was made for."""
    a, b = domains_of(batch.x)
    made = torch.stack([networks["to_a"](b), networks["to_b"](a)], dim=1)
    return made.flatten(0, 1)


def domains_of(x: Tensor) -> tuple[Tensor, Tensor]:
    """The images of the first and of the second domain, which take turns in a batch of such data:
    half of it each.
    """
    return x[0::2], x[1::2]


def init_cyclegan(module: nn.Module) -> None:
    """Weights from N(0, 0.02²) and no biases, as the authors' code starts."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
