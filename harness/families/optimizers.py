"""How a player's parameters follow the gradient: settings of PyTorch's optimisers."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, NonNegativeFloat, PositiveFloat, Tag, model_validator

from harness.core.settings import NAMED_KIND, Settings, kind_of
from harness.families.schedules import AnySchedule, ConstantSchedule, Share

Betas = tuple[Share, Share]


class GradientClip(Settings):
    """What gradients are held to before each step: `norm` bounds the Euclidean norm over all of a
    player's parameters, `value` each number.
    """

    norm: PositiveFloat | None = None
    value: PositiveFloat | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.norm is None) == (self.value is None):
            raise ValueError("clip takes one of norm and value")
        return self


class Optimizer(Settings):
    """What all kinds of optimisers have: the learning rate, how it changes within a phase, and the
    bounds of gradients.
    """

    lr: PositiveFloat = 1e-3
    weight_decay: NonNegativeFloat = 0.0
    schedule: AnySchedule = ConstantSchedule()
    clip: GradientClip | None = None

    @property
    def is_scheduled(self) -> bool:
        """Whether the learning rate changes."""
        return self.schedule.warmup > 0 or not isinstance(self.schedule, ConstantSchedule)


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980). `weight_decay` is added to the gradient."""

    kind: Literal["adam"] = "adam"
    betas: Betas = (0.9, 0.999)


class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101)."""

    model_config = NAMED_KIND

    kind: Literal["adamw"] = "adamw"
    betas: Betas = (0.9, 0.999)
    weight_decay: NonNegativeFloat = 0.01


class RMSprop(Optimizer):
    """RMSprop (Hinton 2012): the gradient divided by the root of its mean square, a moving average
    that keeps the share `alpha` at each step.
    """

    model_config = NAMED_KIND

    kind: Literal["rmsprop"] = "rmsprop"
    alpha: Share = 0.99
    momentum: Share = 0.0


class SGD(Optimizer):
    """Stochastic gradient descent, with Nesterov's form of momentum where `nesterov` says so."""

    model_config = NAMED_KIND

    kind: Literal["sgd"] = "sgd"
    momentum: Share = 0.0
    nesterov: bool = False

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov goes with a momentum above 0")
        return self


def _kind(optimizer: Any) -> str:
    return f"<{kind_of(optimizer, 'adam')}>"


AnyOptimizer = Annotated[
    Annotated[Adam, Tag("<adam>")]
    | Annotated[AdamW, Tag("<adamw>")]
    | Annotated[RMSprop, Tag("<rmsprop>")]
    | Annotated[SGD, Tag("<sgd>")],
    Discriminator(
        _kind,
        custom_error_type="optimizer_kind",
        custom_error_message="kind should be adam, adamw, rmsprop or sgd",
    ),
]
