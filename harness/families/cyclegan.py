"""Translation between two domains without pairs: CycleGAN (Zhu et al. 2017, arXiv:1703.10593)."""

from __future__ import annotations

import torch
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families.base import (
    Direction,
    Family,
    FamilySettings,
    Layers,
    Losses,
    Noise,
    Phase,
    Player,
)
from harness.families.optimizers import Adam, AnyOptimizer
from harness.networks.cyclegan import PatchCritic, ResidualTranslator


class CycleGANSettings(FamilySettings):
    """`width`: channels of all networks at full resolution. `blocks`: of a translator.

    `cycle` and `identity` weigh these losses against the adversarial ones; 0 leaves them out.
    Half of a batch is of the first domain, half of the second.
    """

    batch_size: PositiveInt = Field(default=2, multiple_of=2)
    optimizer: AnyOptimizer = Adam(lr=2e-4, betas=(0.5, 0.999))
    width: PositiveInt = 64
    blocks: Layers = Field(default=9, ge=1)
    cycle: NonNegativeFloat = 10.0
    identity: NonNegativeFloat = 0.0


class CycleGAN(Family):
    """A translator each way, and a critic of each domain, which they have to convince.

    From the paper it differs in two ways. Its critics are shown what the translators make now, and
    no history of it: the authors' buffer of 50 images would be state that a loss reads and writes,
    and here losses are pure functions. And the learning rate stays as it is, where theirs falls to
    zero in the second half; the moving average (`ema`) does a like service.
    """

    Settings = CycleGANSettings
    averaged = ("to_b", "to_a")
    settings: CycleGANSettings

    def build(self) -> nn.ModuleDict:
        """Two translators and two critics; BadInput for data that are not two domains."""
        if not self.shape.unpaired:
            raise BadInput(
                "its images are not of two domains; name unpaired:PATH, or a task such as "
                "digits[unpaired=outlines]"
            )
        channels, size, width = self.shape.channels, self.shape.size, self.settings.width

        def translator() -> nn.Module:
            return ResidualTranslator(channels, size, width, self.settings.blocks)

        def critic() -> nn.Module:
            return PatchCritic(channels, size, width)

        networks = nn.ModuleDict(
            {
                "to_b": translator(), "to_a": translator(),
                "critic_b": critic(), "critic_a": critic(),
            }
        )  # fmt: skip
        return networks.apply(init_cyclegan)

    def phases(self) -> tuple[Phase, ...]:
        """One phase in which the critics move first."""
        optimizer = self.settings.optimizer
        critics = Player(
            "critics", ("critic_b", "critic_a"), self.noise, self.critic_loss, optimizer
        )
        translators = Player(
            "translators", ("to_b", "to_a"), self.noise, self.translator_loss, optimizer
        )
        return (Phase((critics, translators)),)

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """None: the losses are deterministic."""
        return {}

    def critic_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """Half the squared distance of what is said of images from 1, and of translations from 0:
        least squares (Mao et al. 2017, arXiv:1611.04076), halved as the authors do.
        """
        a, b = domains_of(batch)
        with torch.no_grad():
            made_b, made_a = networks["to_b"](a), networks["to_a"](b)
        loss = a.new_zeros(())
        for name, real, made in (("critic_b", b, made_b), ("critic_a", a, made_a)):
            on_real, on_made = networks[name](real), networks[name](made)
            loss = loss + (on_real - 1).square().mean() / 2 + on_made.square().mean() / 2
        return {"loss": loss}

    def translator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """Equation 3: the squared distance from 1 of what the critics say of translations, and
        `cycle` times the absolute error of translations translated back (equation 2). With
        `identity` also so many times the error of translators on images that are already of the
        domain they translate to (section 5.2).
        """
        a, b = domains_of(batch)
        to_b, to_a = networks["to_b"], networks["to_a"]
        made_b, made_a = to_b(a), to_a(b)
        parts = {
            "adversarial": (networks["critic_b"](made_b) - 1).square().mean()
            + (networks["critic_a"](made_a) - 1).square().mean()
        }
        loss = parts["adversarial"]
        if self.settings.cycle:
            parts["cycle"] = _difference(to_a(made_b), a) + _difference(to_b(made_a), b)
            loss = loss + self.settings.cycle * parts["cycle"]
        if self.settings.identity:
            parts["identity"] = _difference(to_b(b), b) + _difference(to_a(a), a)
            loss = loss + self.settings.identity * parts["identity"]
        return {"loss": loss, **parts}

    @torch.no_grad()
    def translate(self, x: Tensor, direction: Direction) -> Tensor:
        """x N×C×S×S → images N×C×S×S of the other domain, in [-1, 1]."""
        images: Tensor = self.networks["to_b" if direction == "forward" else "to_a"](x)
        return images


def domains_of(batch: Batch) -> tuple[Tensor, Tensor]:
    """The images of the first and of the second domain, which take turns in a batch of such data:
    half of it each.
    """
    return batch.x[0::2], batch.x[1::2]


def init_cyclegan(module: nn.Module) -> None:
    """Weights from N(0, 0.02²) and no biases, as the authors' code starts."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _difference(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).abs().mean()
