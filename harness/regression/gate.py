"""The regression gate: whether a suite got worse since its baseline was saved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.config.training_fraction import is_entrant
from harness.core.errors import BadInput
from harness.core.measurement import CellResult
from harness.core.protocol import Protocol
from harness.plan import Cell, Plan
from harness.regression.baseline import Baseline, MetricNumbers
from harness.regression.changes import (
    ALPHA,
    PASSING,
    Change,
    MetricPair,
    NoisyChange,
    RunSet,
    examine,
)
from harness.regression.machine_failures import is_accident
from harness.regression.tolerance import Tolerance
from harness.statistics import holm

Outcome = Literal["no regression", "regression", "nothing comparable", "inconclusive"]

EXIT_CODES: Mapping[Outcome, int] = {
    "no regression": 0,
    "regression": 1,
    "nothing comparable": 3,
    "inconclusive": 4,
}


@dataclass(frozen=True)
class Check:
    """What a suite's comparison with a baseline came to.

    `tests` is the number of comparisons with noise, over which the correction is. `new` are those
    (dataset, model, metric) that the baseline has not, and `timings` those that it has and that
    were left out because no tolerance was given for them; `sideless` are metrics that were left out
    since nothing about their values is worse.
    """

    suite: str
    baseline: Baseline
    changes: tuple[Change, ...]
    tests: int = 0
    new: tuple[tuple[str, str, str], ...] = ()
    timings: tuple[str, ...] = ()
    sideless: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """What they come to together."""
        return outcome(self.changes)

    @property
    def exit_code(self) -> int:
        """That of the command."""
        return EXIT_CODES[self.outcome]

    def among(self, *outcomes: str) -> list[Change]:
        """The changes with one of these outcomes."""
        return [change for change in self.changes if change.outcome in outcomes]

    @property
    def undecided(self) -> list[Change]:
        """The changes that neither are a regression nor rule one out."""
        return [c for c in self.changes if c.outcome not in ("regressed", *PASSING)]


@dataclass(frozen=True)
class Gate:
    """A baseline set against the plan of its suite. What can be compared is known before anything
    runs: `awaited`, each with the cells that its numbers come from. `settled` is what cannot, with
    the reason.
    """

    plan: Plan
    baseline: Baseline
    tolerances: Mapping[str, Tolerance]
    awaited: tuple[tuple[MetricNumbers, tuple[Cell, ...]], ...]
    settled: tuple[Change, ...]
    timings: tuple[str, ...]
    sideless: tuple[str, ...] = ()

    def check(self, results: Sequence[CellResult]) -> Check:
        """The comparison of today's results, those of the plan's cells, with the baseline."""
        by_cell = {(r.dataset, r.model, r.seed): r for r in results}
        changes, tests = compare_with_baseline(
            self._pair(numbers, [by_cell[c.dataset, c.model, c.seed] for c in cells])
            for numbers, cells in self.awaited
        )
        return Check(
            self.plan.loaded.name, self.baseline, (*changes, *self.settled), tests,
            tuple(self._new()), self.timings, self.sideless,
        )  # fmt: skip

    def _pair(self, numbers: MetricNumbers, results: Sequence[CellResult]) -> MetricPair:
        keys = self.baseline.keys(numbers.dataset, numbers.model)
        metric = self.plan.metrics[numbers.metric]
        sides = RunSet(numbers.values, numbers.failures, keys), _today(results, numbers.metric)
        if isinstance(metric.ideal, float):
            sides = sides[0].distances(metric.ideal), sides[1].distances(metric.ideal)
            metric = metric.as_distance()
        return MetricPair(
            numbers.dataset,
            numbers.model,
            metric,
            *sides,
            self.tolerances.get(numbers.metric),
            numbers.metric if _is_timing(self.baseline, numbers) else "",
        )

    def _new(self) -> Iterator[tuple[str, str, str]]:
        """What is measured today and is not in the baseline."""
        known = {(n.dataset, n.model, n.metric) for n in self.baseline.numbers}
        today = (
            (cell.dataset, cell.model, wanted.metric)
            for cell in self.plan.cells
            if is_entrant(cell.model)
            for wanted in cell.planned_measurements
            if not wanted.obstacle
        )
        return (name for name in dict.fromkeys(today) if name not in known)


def _today(results: Sequence[CellResult], metric: str) -> RunSet:
    values, failures, accidents, missing = {}, {}, {}, []
    for result in results:
        row = next((m for m in result.measurements if m.metric == metric), None)
        if row is None:
            missing.append(result.seed)
        elif row.value is not None:
            values[result.seed] = row.value
        elif row.status == "failed" and is_accident(row.reason):
            accidents[result.seed] = row.reason
        else:
            failures[result.seed] = f"{row.status}: {row.reason}"
    keys = {result.seed: result.training_key for result in results}
    return RunSet(values, failures, keys, tuple(missing), accidents)


def compare_with_baseline(pairs: Iterable[MetricPair]) -> tuple[list[Change], int]:
    """What each comparison comes to, and how many of them have noise. Over these, family by family,
    is the correction, in either direction.

    No tolerance changes what any other metric comes to. So Holm's procedure, in which each test
    depends on all others, is about worsenings of any size; a test against a tolerance has alpha
    divided by the number of comparisons (Bonferroni), whatever the others are. As each part errs on
    one side only, with at most half of alpha, a family errs with at most alpha.
    """
    found = [examine(pair) for pair in pairs]
    tests = [item for item in found if isinstance(item, NoisyChange)]
    families: dict[str, list[NoisyChange]] = {}
    for test in tests:
        families.setdefault(test.family, []).append(test)
    decided = {name: iter(_corrected(family)) for name, family in families.items()}
    changes = [
        next(decided[item.family]) if isinstance(item, NoisyChange) else item for item in found
    ]
    return changes, len(tests)


def _corrected(tests: Sequence[NoisyChange]) -> Iterator[Change]:
    """The changes that the tests of one family come to."""
    alphas, first = [ALPHA] * len(tests), ALPHA / len(tests)
    worse = holm.levels([test.p_worse for test in tests], alphas)
    better = holm.levels([test.p_improved for test in tests], alphas)
    for test, to_be_worse, to_improve in zip(tests, worse, better, strict=True):
        yield test.decide(first if test.margin else to_be_worse, to_improve, first)


def outcome(changes: Iterable[Change]) -> Outcome:
    """A regression where there is one; no regression only where every comparison of the baseline
    was made and says so.
    """
    found = {change.outcome for change in changes}
    if "regressed" in found:
        return "regression"
    if found <= {"not comparable"}:
        return "nothing comparable"
    return "no regression" if found <= {*PASSING} else "inconclusive"


def open_gate(baseline: Baseline, plan: Plan, tolerances: Mapping[str, Tolerance]) -> Gate:
    """Set a baseline against a plan. What the plan's overrides leave out is not compared. Raises
    BadInput where the baseline is of another suite.
    """
    if baseline.suite != plan.loaded.name:
        raise BadInput(
            f"the baseline is of suite {baseline.suite!r}, and this is {plan.loaded.name!r}"
        )
    if _is_of_another(baseline, plan):
        raise BadInput(
            f"the baseline is of another suite called {baseline.suite!r}: this one has none of its "
            f"models on any of its datasets; it has {_pairs_of(baseline)}"
        )
    awaited, settled, timings, sideless = [], [], [], []
    for numbers in _chosen(baseline, plan):
        if _is_sideless(numbers, plan):
            sideless.append(numbers.metric)
            continue
        if numbers.metric not in tolerances and _is_timing(baseline, numbers):
            timings.append(numbers.metric)
            continue
        there = (numbers.dataset, numbers.model)
        cells = tuple(cell for cell in plan.cells if (cell.dataset, cell.model) == there)
        if reason := _obstacle(baseline, numbers, plan, cells):
            settled.append(Change(*there, numbers.metric, "not comparable", reason))
        else:
            awaited.append((numbers, cells))
    return Gate(
        plan, baseline, tolerances, tuple(awaited), tuple(settled),
        tuple(dict.fromkeys(timings)), tuple(dict.fromkeys(sideless)),
    )  # fmt: skip


def _is_sideless(numbers: MetricNumbers, plan: Plan) -> bool:
    """Whether nothing about the values is worse, or only beside a number that is no part of a
    baseline.
    """
    metric = plan.metrics.get(numbers.metric)
    return (
        metric is not None
        and metric.better in ("nearer", "neither")
        and (not isinstance(metric.ideal, float))
    )


def _is_of_another(baseline: Baseline, plan: Plan) -> bool:
    """Whether a suite of the same name has nothing of what the baseline's has, all of it taken."""
    overrides = plan.loaded.overrides
    if overrides.models is not None or overrides.datasets is not None:
        return False
    mine = {(cell.dataset, cell.model) for cell in plan.cells}
    return bool(baseline.numbers) and not any(
        (n.dataset, n.model) in mine for n in baseline.numbers
    )


def _pairs_of(baseline: Baseline) -> str:
    pairs = list(dict.fromkeys(f"{n.model} on {n.dataset}" for n in baseline.numbers))
    return ", ".join(pairs[:3]) + (f" and {len(pairs) - 3} more" if len(pairs) > 3 else "")


def _is_timing(baseline: Baseline, numbers: MetricNumbers) -> bool:
    return "machine" in baseline.protocol(numbers).settings


def _chosen(baseline: Baseline, plan: Plan) -> Iterator[MetricNumbers]:
    """The baseline's numbers, but for those that the command left out of the suite."""
    overrides = plan.loaded.overrides
    datasets = None if overrides.datasets is None else list(plan.datasets)
    for numbers in baseline.numbers:
        choices = (
            (numbers.dataset, datasets),
            (numbers.model, overrides.models),
            (numbers.metric, overrides.metrics),
        )
        if all(chosen is None or name in chosen for name, chosen in choices):
            yield numbers


def _obstacle(baseline: Baseline, numbers: MetricNumbers, plan: Plan, cells: Sequence[Cell]) -> str:
    """Why today's numbers cannot be compared with these; empty where they can."""
    images = plan.loaded.suite.budget.images
    if images != baseline.images:
        return f"budget ({baseline.images:,} against {images:,} training images)"
    if not cells:
        return f"the suite has no {numbers.model} on {numbers.dataset} any more"
    wanted = next((w for w in cells[0].planned_measurements if w.metric == numbers.metric), None)
    if wanted is None:
        return f"the suite does not measure {numbers.metric} on {numbers.dataset} any more"
    if wanted.obstacle:
        return f"not applicable: {wanted.obstacle}"
    return protocol_changes(baseline.protocol(numbers), wanted.protocol)


def protocol_changes(before: Protocol, now: Protocol) -> str:
    """The fields in which two protocols differ, with both values; empty where they do not.

    >>> differing(Protocol("fid", samples=500), Protocol("fid", version=2, samples=90))
    'version (1 against 2), samples (500 against 90)'
    """
    fields = [_flat(how) for how in (before, now)]
    found = []
    for name in dict.fromkeys([*fields[0], *fields[1]]):
        a, b = (values.get(name) for values in fields)
        if a != b:
            found.append(f"{name} ({_said(a)} against {_said(b)})")
    return ", ".join(found)


def _flat(protocol: Protocol) -> dict[str, object]:
    values = protocol.to_dict()
    return {**{k: v for k, v in values.items() if k != "settings"}, **values["settings"]}


def _said(value: object) -> str:
    return "none" if value in (None, "") else str(value)
