"""What a recipe can set of a GAN, and which of it goes together."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Tag,
    model_validator,
)

from harness.core.settings import NAMED_KIND, Settings, kind_of
from harness.core.table_keys import KeyOf
from harness.families.base import PlayerSettings
from harness.families.builders import ConditionalSettings
from harness.families.optimizers import SGD, Optimizer
from harness.networks.batch_features import BATCH_FEATURES
from harness.networks.conditioning import CONDITIONINGS
from harness.networks.normalisation import NORMS
from harness.objectives.adversarial import ADVERSARIAL_LOSSES
from harness.objectives.augmentation import AUGMENTATIONS
from harness.objectives.generator_extras import GENERATOR_EXTRAS
from harness.objectives.penalties import PENALTIES

Blocks = Literal["strided", "residual"]


class LabelSmoothing(Settings):
    """How far the discriminator's labels are from 1 for real images and from 0 for made ones."""

    real: float = Field(default=0.0, ge=0, lt=0.5)
    fake: float = Field(default=0.0, ge=0, lt=0.5)


class DiscriminatorSettings(PlayerSettings):
    """`blocks`: of convolutions, DCGAN's, or the blocks of `networks.resnet`. `norm`: one of
    `networks.normalisation`; an MLP's layers are only normalised spectrally. `head`: what it
    takes of the batch, of `networks.batch_features`. `attention`: over all places at half of the
    image's size. `augment`: what is done to all images that it sees, of `objectives.augmentation`.
    `packing`: images that it judges together. `conditioning`: how a conditional one takes the
    class, of `networks.conditioning`. `smoothing`: of the labels in its loss.

    `clip` bounds each of its parameters. `updates`: steps that it takes before the generator takes
    one, each on images of its own.
    """

    blocks: Blocks = "strided"
    norm: Annotated[str, KeyOf(NORMS)] = "batch"
    activation: Literal["leaky-relu", "relu"] = "leaky-relu"
    augment: tuple[Annotated[str, KeyOf(AUGMENTATIONS)], ...] = ()
    head: tuple[Annotated[str, KeyOf(BATCH_FEATURES)], ...] = ()
    attention: bool = False
    packing: PositiveInt = 1
    conditioning: Annotated[str, KeyOf(CONDITIONINGS)] = "projection"
    smoothing: LabelSmoothing = LabelSmoothing()
    clip: PositiveFloat | None = None
    updates: PositiveInt = 1


class GeneratorExtra(Settings):
    """One of `objectives.generator_extras`, and its weight."""

    kind: Annotated[str, KeyOf(GENERATOR_EXTRAS)]
    weight: PositiveFloat


class GeneratorSettings(PlayerSettings):
    """`norm`: whether its convolutions are normalised over the batch. `blocks` and `attention`: as
    the discriminator's; residual blocks have twice the recipe's `width`. `adversarial` weighs its
    side of the loss, `extras` are added to it.
    """

    blocks: Blocks = "strided"
    norm: Literal["batch", "none"] = "batch"
    attention: bool = False
    adversarial: NonNegativeFloat = 1.0
    extras: tuple[GeneratorExtra, ...] = ()

    @model_validator(mode="after")
    def _minimises_something(self) -> Self:
        if not (self.adversarial or self.extras):
            raise ValueError("a generator with adversarial: 0 minimises extras, and has none")
        return self


class SlopePenaltySettings(Settings):
    """A penalty on the discriminator's slope, one of `objectives.penalties`, and its weight."""

    kind: Annotated[str, KeyOf(PENALTIES)]
    weight: PositiveFloat


class Alternating(Settings):
    """The discriminator moves first, then the generator."""

    kind: Literal["alternating"] = "alternating"


class Simultaneous(Settings):
    """Both move at once, from the same place."""

    model_config = NAMED_KIND

    kind: Literal["simultaneous"] = "simultaneous"


class Unrolled(Settings):
    """The generator minimises its loss against the discriminator as it would be after
    `steps` of gradient descent at the rate `lr`, or else at its own optimizer's rate.
    """

    model_config = NAMED_KIND

    kind: Literal["unrolled"] = "unrolled"
    steps: PositiveInt = 5
    lr: PositiveFloat | None = None


class Consensus(Settings):
    """Both move at once, and `weight` times half the squared norm of both gradients is added to
    their losses.
    """

    model_config = NAMED_KIND

    kind: Literal["consensus"] = "consensus"
    weight: PositiveFloat = 10.0


def _kind(dynamics: Any) -> str:
    return f"<{kind_of(dynamics, 'alternating')}>"


Dynamics = Annotated[
    Annotated[Alternating, Tag("<alternating>")]
    | Annotated[Simultaneous, Tag("<simultaneous>")]
    | Annotated[Unrolled, Tag("<unrolled>")]
    | Annotated[Consensus, Tag("<consensus>")],
    Discriminator(
        _kind,
        custom_error_type="dynamics_kind",
        custom_error_message="kind should be alternating, simultaneous, unrolled or consensus",
    ),
]


class GANSettings(ConditionalSettings):
    """`latent`: numbers in the code. `loss`: one of `objectives.adversarial`. `penalties` are added
    to the discriminator's loss. `dynamics`: how the players move.
    """

    latent: PositiveInt = 64
    loss: Annotated[str, KeyOf(ADVERSARIAL_LOSSES)] = "non-saturating"
    discriminator: DiscriminatorSettings = DiscriminatorSettings()
    generator: GeneratorSettings = GeneratorSettings()
    penalties: tuple[SlopePenaltySettings, ...] = ()
    dynamics: Dynamics = Alternating()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        checks = (_penalties_fit, _network_fits, _batch_fits, _loss_fits, _dynamics_fit)
        if fault := next(filter(None, (check(self) for check in checks)), None):
            raise ValueError(fault)
        return self


def _penalties_fit(s: GANSettings) -> str | None:
    discriminator = s.discriminator
    if len({penalty.kind for penalty in s.penalties}) < len(s.penalties):
        return "penalties name one kind twice"
    if s.penalties and s.network == "conv" and discriminator.norm == "batch":
        return (
            "penalties go with discriminator: {norm: none}; normalised over the batch, the"
            " output for an image depends on the others"
        )
    bounded = s.penalties or discriminator.clip or discriminator.norm == "spectral"
    if s.loss == "wasserstein" and not bounded:
        return (
            "loss: wasserstein bounds its critic's slope; add penalties, such as"
            " [{kind: gradient, weight: 10.0}], discriminator: {clip: 0.01} or {norm: spectral}"
        )
    return None


def _network_fits(s: GANSettings) -> str | None:
    if s.network == "conv":
        return _blocks_fit(s)
    if "residual" in {s.discriminator.blocks, s.generator.blocks}:
        return "blocks: residual are convolutions, and go with network: conv"
    if s.discriminator.attention or s.generator.attention:
        return "attention is between places of a map, and goes with network: conv"
    if s.discriminator.norm in {"layer", "instance"}:
        return f"norm: {s.discriminator.norm} is of maps, and goes with network: conv"
    return None


def _blocks_fit(s: GANSettings) -> str | None:
    discriminator, generator = s.discriminator, s.generator
    if discriminator.blocks == "residual":
        if discriminator.norm not in {"spectral", "none"}:
            return (
                "a discriminator of residual blocks has no layers that normalise; say"
                " discriminator: {norm: spectral} or {norm: none}"
            )
        if discriminator.activation != "relu":
            return "a discriminator of residual blocks has activation: relu"
    if generator.blocks == "residual" and generator.norm == "none":
        return "a generator of residual blocks is normalised over the batch; leave out its norm"
    return None


def _batch_fits(s: GANSettings) -> str | None:
    discriminator = s.discriminator
    if s.batch_size % discriminator.packing:
        return (
            f"discriminator: {{packing: {discriminator.packing}}} does not divide the batch_size"
            f" of {s.batch_size}"
        )
    if s.conditional and discriminator.packing > 1:
        return "a conditional discriminator judges images one by one; leave out packing"
    if discriminator.conditioning != "projection" and not s.conditional:
        return "discriminator: {conditioning: …} goes with conditional: true"
    if len(set(discriminator.head)) < len(discriminator.head):
        return "discriminator: {head: […]} names one part twice"
    return None


def _loss_fits(s: GANSettings) -> str | None:
    smoothing = s.discriminator.smoothing
    if smoothing != LabelSmoothing() and ADVERSARIAL_LOSSES[s.loss].output != "log odds":
        return (
            f"discriminator: {{smoothing: …}} is of labels, which loss: {s.loss} does not have;"
            " take loss: non-saturating"
        )
    extras = s.generator.extras
    if len({extra.kind for extra in extras}) < len(extras):
        return "generator: {extras: […]} names one kind twice"
    return None


def _dynamics_fit(s: GANSettings) -> str | None:
    if isinstance(s.dynamics, Alternating):
        return None
    kind = s.dynamics.kind
    if s.generator.extras:
        return f"generator: {{extras: […]}} goes with alternating steps, not with {kind} ones"
    if isinstance(s.dynamics, Unrolled):
        return None if s.dynamics.lr else _unrollable(s.discriminator.optimizer or s.optimizer)
    if s.discriminator.updates > 1:
        return f"{kind} players move once each; leave out discriminator: {{updates: …}}"
    if s.discriminator.optimizer or s.generator.optimizer:
        return f"{kind} players share the recipe's optimizer; give neither one of its own"
    return None


def _unrollable(optimizer: Optimizer) -> str | None:
    """Why the look-ahead cannot follow the discriminator's optimizer."""
    if optimizer == SGD(lr=optimizer.lr):
        return None
    return (
        "dynamics: {kind: unrolled} looks ahead by plain gradient steps, and the discriminator's"
        " optimizer takes others; say dynamics: {lr: …}, or discriminator: {optimizer: {kind: sgd,"
        " lr: …}}"
    )
