"""Learning rates that change while a phase trains: warm-up, and constant, linear, cosine and step
decay. Pure functions of how many of the phase's images have been shown.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, NonNegativeFloat, PositiveFloat, Tag, model_validator

from harness.core.settings import NAMED_KIND, Settings, kind_of

Share = Annotated[float, Field(ge=0, lt=1)]


class Schedule(Settings):
    """`warmup`: the learning rate rises in proportion to the images shown, over that many of them;
    below 1 it is a share of the phase's images.
    """

    warmup: NonNegativeFloat = 0.0

    def factor(self, shown: int, step: int, total: int) -> float:
        """What the learning rate is multiplied by in a step of `step` images, before which `shown`
        of the phase's `total` images have been shown.
        """
        warmup = self.warmup * total if self.warmup < 1 else self.warmup
        rise = min(1.0, (shown + step) / warmup) if warmup else 1.0
        return rise * self.decay(shown / total, min(1.0, warmup / total))

    def decay(self, progress: float, start: float) -> float:
        """The factor without the warm-up, which ends at `start`; both are shares of the phase."""
        return 1.0

    @property
    def reads_horizon(self) -> bool:
        """Whether it depends on how long the phase is."""
        return 0 < self.warmup < 1


class ConstantSchedule(Schedule):
    """The learning rate stays as it is after the warm-up."""

    kind: Literal["constant"] = "constant"


class _Decay(Schedule):
    """Decays from the end of the warm-up, or from the share `start` of the phase where that is
    later, until the learning rate is `end` times the recipe's.
    """

    start: Share = 0.0
    end: Annotated[float, Field(ge=0, le=1)] = 0.0

    def decay(self, progress: float, start: float) -> float:
        """1 until the decay starts; then from 1 to `end`."""
        first = max(start, self.start)
        done = (progress - first) / (1 - first) if progress > first else 0.0
        return self.end + (1 - self.end) * self.remaining(done)

    @abstractmethod
    def remaining(self, done: float) -> float:
        """The course of the decay, from 1 to 0."""

    @property
    def reads_horizon(self) -> bool:
        """Always."""
        return True


class LinearSchedule(_Decay):
    """A straight line."""

    model_config = NAMED_KIND

    kind: Literal["linear"] = "linear"

    def remaining(self, done: float) -> float:
        """1 − done."""
        return 1 - done


class CosineSchedule(_Decay):
    """Half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983, equation 5, without restarts)."""

    model_config = NAMED_KIND

    kind: Literal["cosine"] = "cosine"

    def remaining(self, done: float) -> float:
        """(1 + cos(π·done)) / 2."""
        return (1 + math.cos(math.pi * done)) / 2


class StepSchedule(Schedule):
    """The learning rate is multiplied by `gamma` at each of the `milestones`, shares of the
    phase.
    """

    model_config = NAMED_KIND

    kind: Literal["step"] = "step"
    milestones: Annotated[tuple[Share, ...], Field(min_length=1)]
    gamma: PositiveFloat = 0.1

    @model_validator(mode="after")
    def _milestones_rise(self) -> Self:
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError("milestones are shares of the phase, each above the one before")
        return self

    def decay(self, progress: float, start: float) -> float:
        """`gamma` to the number of milestones that are reached."""
        return self.gamma ** sum(progress >= milestone for milestone in self.milestones)

    @property
    def reads_horizon(self) -> bool:
        """Always."""
        return True


def _kind(schedule: Any) -> str:
    return f"<{kind_of(schedule, 'constant')}>"


AnySchedule = Annotated[
    Annotated[ConstantSchedule, Tag("<constant>")]
    | Annotated[LinearSchedule, Tag("<linear>")]
    | Annotated[CosineSchedule, Tag("<cosine>")]
    | Annotated[StepSchedule, Tag("<step>")],
    Discriminator(
        _kind,
        custom_error_type="schedule_kind",
        custom_error_message="kind should be constant, linear, cosine or step",
    ),
]
