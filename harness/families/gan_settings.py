"""What a recipe can set of a GAN, and which of it goes together."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    PositiveFloat,
    PositiveInt,
    Tag,
    model_validator,
)

from harness.core.settings import NAMED_KIND, Settings, kind_of
from harness.core.table_keys import KeyOf
from harness.families.builders import ConditionalSettings
from harness.families.gan_player_settings import (
    DiscriminatorSettings,
    GeneratorSettings,
    LabelSmoothing,
)
from harness.families.optimizers import SGD, Optimizer
from harness.objectives.adversarial import ADVERSARIAL_LOSSES
from harness.objectives.penalties import PENALTIES


class SlopePenaltySettings(Settings):
    """A penalty on the discriminator's slope, one of `objectives.penalties`, and its weight. With a
    `share` below 1 it is of that share of each batch: its expectation is that of the whole batch's,
    and that of the same penalty of 1/share times the weight in a share of the steps (Karras et al.
    2020, arXiv:1912.04958, section 3.1: lazy regularisation), at the same cost.
    """

    kind: Annotated[str, KeyOf(PENALTIES)]
    weight: PositiveFloat
    share: Annotated[float, Field(gt=0, le=1)] = 1.0


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
    to the discriminator's loss. `dynamics`: how the players move. `initial_sigma`: the standard
    deviation of the initial weights of an MLP, whose biases then start at 0; torch's own where
    nothing is said.
    """

    latent: PositiveInt = 64
    initial_sigma: PositiveFloat | None = None
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
    if s.penalties and discriminator.hidden == "batch":
        return (
            "penalties go with discriminator: {hidden: plain}; normalised over the batch, the"
            " output for a point depends on the others"
        )
    bounded = s.penalties or discriminator.clip or discriminator.norm == "spectral"
    if s.loss == "wasserstein" and not bounded:
        return (
            "loss: wasserstein bounds its critic's slope; add penalties, such as"
            " [{kind: gradient, weight: 10.0}], discriminator: {clip: 0.01} or {norm: spectral}"
        )
    return None


def _network_fits(s: GANSettings) -> str | None:
    return _blocks_fit(s) if s.network == "conv" else _mlp_fits(s)


def _mlp_fits(s: GANSettings) -> str | None:
    if "residual" in {s.discriminator.blocks, s.generator.blocks}:
        return "blocks: residual are convolutions, and go with network: conv"
    if s.discriminator.attention or s.generator.attention:
        return "attention is between places of a map, and goes with network: conv"
    if s.discriminator.norm in {"layer", "instance"}:
        return f"norm: {s.discriminator.norm} is of maps, and goes with network: conv"
    return None


def _blocks_fit(s: GANSettings) -> str | None:
    discriminator, generator = s.discriminator, s.generator
    for player in (discriminator, generator):
        if player.depth is not None or player.hidden != "plain" or s.initial_sigma:
            return "depth, hidden and initial_sigma of a player go with network: mlp"
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
