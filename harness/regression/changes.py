"""The comparison of one metric of one model on one dataset with a baseline, and its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from harness.metrics.base import Metric
from harness.regression.tolerance import Tolerance
from harness.statistics.scale import EffectKind

ChangeOutcome = Literal[
    "regressed", "worse before correction", "improved", "unchanged", "tolerated", "not worse",
    "inconclusive", "not comparable",
]  # fmt: skip
"""Where the printed interval shows a worsening, the outcome is never "not worse". It is "regressed"
where the worsening holds after the correction for several comparisons, "worse before correction"
where it holds only without, and "tolerated" where it is smaller than what must be ruled out."""

PASSING: tuple[ChangeOutcome, ...] = ("improved", "unchanged", "tolerated", "not worse")
"""The outcomes that rule out a regression."""


@dataclass(frozen=True)
class RunSet:
    """One side of a comparison: its numbers, failures (status and reason) and training keys by
    seed.

    `missing` are the seeds that are not measured yet. `accidents` are the seeds whose measurement
    failed because of the machine and not the model, with the reason.
    """

    values: Mapping[int, float]
    failures: Mapping[int, str]
    keys: Mapping[int, str]
    missing: tuple[int, ...] = ()
    accidents: Mapping[int, str] = field(default_factory=dict)

    def distances(self, ideal: float) -> RunSet:
        """Returns the set with each value replaced by its distance from an ideal."""
        return replace(
            self, values={seed: abs(value - ideal) for seed, value in self.values.items()}
        )

    @property
    def seeds(self) -> set[int]:
        """All seeds with a number or a failure."""
        return {*self.values, *self.failures}


@dataclass(frozen=True)
class MetricPair:
    """One metric of a model on a dataset, in the baseline and now, to be compared.

    Comparisons of one `family` are corrected together.
    """

    dataset: str
    model: str
    metric: Metric
    before: RunSet
    now: RunSet
    tolerance: Tolerance | None = None
    family: str = ""

    @property
    def sign(self) -> int:
        """1 where larger values are worse, else -1."""
        return 1 if self.metric.better == "lower" else -1

    def end(self, outcome: ChangeOutcome, reason: str) -> Change:
        """Returns a change with this outcome and no effect."""
        return Change(
            self.dataset,
            self.model,
            self.metric.name,
            outcome,
            reason,
            (len(self.before.values), len(self.now.values)),
            self.tolerance,
        )


@dataclass(frozen=True)
class ChangeEffect:
    """Today's mean against the baseline's: a "ratio" (of geometric means) or a "difference" (of
    means, in the metric's unit), with the interval [low, high] of confidence `level`, at which the
    outcome was decided.

    `limit` is the worsening that must be ruled out. `shows` is the smallest that would be called a
    regression in 8 of 10 cases; None where there is no noise.
    """

    kind: EffectKind
    value: float
    low: float
    high: float
    level: float
    limit: float
    shows: float | None


@dataclass(frozen=True)
class Change:
    """The outcome of one comparison, with its reason. `seeds` are the numbers of seeds before and
    now; `before` and `now` are the means over them, geometric where the effect is a ratio. `needed`
    is the number of seeds that would decide.
    """

    dataset: str
    model: str
    metric: str
    outcome: ChangeOutcome
    reason: str
    seeds: tuple[int, int] = (0, 0)
    tolerance: Tolerance | None = None
    before: float | None = None
    now: float | None = None
    effect: ChangeEffect | None = None
    needed: int | None = None
