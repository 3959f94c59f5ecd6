"""The outcome of a suite's comparison with a baseline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.regression.baseline import Baseline
from harness.regression.changes import PASSING, Change, MetricPair
from harness.regression.examination import examine
from harness.regression.noisy_change import ALPHA, NoisyChange
from harness.statistics import holm

GateOutcome = Literal["no regression", "regression", "nothing comparable", "inconclusive"]

EXIT_CODES: Mapping[GateOutcome, int] = {
    "no regression": 0,
    "regression": 1,
    "nothing comparable": 3,
    "inconclusive": 4,
}


@dataclass(frozen=True)
class Check:
    """The changes of a suite since a baseline was saved.

    `tests` is the number of comparisons with noise, for which levels are corrected. `new` are the
    (dataset, model, metric) that the baseline does not have. `timings` are metrics of time that
    were left out because no tolerance was given for them, and `sideless` metrics that were left out
    because none of their values is worse than another.
    """

    suite: str
    baseline: Baseline
    changes: tuple[Change, ...]
    tests: int = 0
    new: tuple[tuple[str, str, str], ...] = ()
    timings: tuple[str, ...] = ()
    sideless: tuple[str, ...] = ()

    @property
    def outcome(self) -> GateOutcome:
        """The outcome of all changes together."""
        return outcome(self.changes)

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        return EXIT_CODES[self.outcome]

    def among(self, *outcomes: str) -> list[Change]:
        """Returns the changes with one of these outcomes."""
        return [change for change in self.changes if change.outcome in outcomes]

    @property
    def undecided(self) -> list[Change]:
        """The changes that neither are a regression nor rule one out."""
        return [c for c in self.changes if c.outcome not in ("regressed", *PASSING)]


def compare_with_baseline(pairs: Iterable[MetricPair]) -> tuple[list[Change], int]:
    """Returns the change of each comparison, and how many of them have noise. These are corrected
    together, separately for each family and each direction.

    The tolerance of one metric must not affect the outcome of another. So Holm's procedure, in
    which each test depends on all others, is for worsenings of any size; a test against a tolerance
    has alpha divided by the number of comparisons (Bonferroni), whatever the others are. Each of
    the two raises a false alarm with a probability of at most half of alpha, so both together with
    at most alpha.
    """
    examined = [examine(pair) for pair in pairs]
    tests = [item for item in examined if isinstance(item, NoisyChange)]
    families: dict[str, list[NoisyChange]] = {}
    for test in tests:
        families.setdefault(test.family, []).append(test)
    decided = {name: iter(_corrected(family)) for name, family in families.items()}
    changes = [
        next(decided[item.family]) if isinstance(item, NoisyChange) else item for item in examined
    ]
    return changes, len(tests)


def _corrected(tests: Sequence[NoisyChange]) -> Iterator[Change]:
    """Decides the tests of one family, in their order."""
    alphas, first = [ALPHA] * len(tests), ALPHA / len(tests)
    worse = holm.levels([test.p_worse for test in tests], alphas)
    better = holm.levels([test.p_improved for test in tests], alphas)
    for test, alpha_worse, alpha_better in zip(tests, worse, better, strict=True):
        yield test.decide(first if test.margin else alpha_worse, alpha_better, first)


def outcome(changes: Iterable[Change]) -> GateOutcome:
    """Returns "regression" where any change is one, and "no regression" only where every comparison
    of the baseline was made and rules one out.
    """
    outcomes = {change.outcome for change in changes}
    if "regressed" in outcomes:
        return "regression"
    if outcomes <= {"not comparable"}:
        return "nothing comparable"
    return "no regression" if outcomes <= {*PASSING} else "inconclusive"
