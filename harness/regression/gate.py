"""The regression gate: whether a suite got worse since its baseline was saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.config.training_fraction import is_entrant
from harness.core.errors import BadInput
from harness.core.measurement import CellResult
from harness.plan import Cell, Plan
from harness.regression.baseline import Baseline, MetricNumbers
from harness.regression.changes import Change, MetricPair, RunSet
from harness.regression.check import Check, compare_with_baseline
from harness.regression.machine_failures import is_accident
from harness.regression.provenance import protocol_changes
from harness.regression.tolerance import Tolerance


@dataclass(frozen=True)
class Gate:
    """A baseline and the plan of its suite. What can be compared is known before anything runs:
    `comparable` are the baseline's numbers, with the cells that measure them today. `settled` are
    the changes whose outcome is known already, because nothing can be compared. `timings` and
    `sideless` are the metrics that are left out (`Check`).
    """

    plan: Plan
    baseline: Baseline
    tolerances: Mapping[str, Tolerance]
    comparable: tuple[tuple[MetricNumbers, tuple[Cell, ...]], ...]
    settled: tuple[Change, ...]
    timings: tuple[str, ...]
    sideless: tuple[str, ...] = ()

    def check(self, results: Sequence[CellResult]) -> Check:
        """Compares today's results of the plan's cells with the baseline."""
        by_cell = {(r.dataset, r.model, r.seed): r for r in results}
        changes, tests = compare_with_baseline(
            self._pair(numbers, [by_cell[c.dataset, c.model, c.seed] for c in cells])
            for numbers, cells in self.comparable
        )
        return Check(
            self.plan.loaded.name,
            self.baseline,
            (*changes, *self.settled),
            tests,
            tuple(self._new()),
            self.timings,
            self.sideless,
        )

    def _pair(self, numbers: MetricNumbers, results: Sequence[CellResult]) -> MetricPair:
        keys = self.baseline.keys(numbers.dataset, numbers.model)
        metric = self.plan.metrics[numbers.metric]
        sides = RunSet(numbers.values, numbers.failures, keys), _run_set(results, numbers.metric)
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
        """The (dataset, model, metric) that are measured today and are not in the baseline."""
        in_baseline = {(n.dataset, n.model, n.metric) for n in self.baseline.numbers}
        today = (
            (cell.dataset, cell.model, planned.metric)
            for cell in self.plan.cells
            if is_entrant(cell.model)
            for planned in cell.planned_measurements
            if not planned.obstacle
        )
        return (name for name in dict.fromkeys(today) if name not in in_baseline)


def _run_set(results: Sequence[CellResult], metric: str) -> RunSet:
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


def open_gate(baseline: Baseline, plan: Plan, tolerances: Mapping[str, Tolerance]) -> Gate:
    """Returns the gate of a baseline and a plan. What the plan's overrides leave out is not
    compared. Raises BadInput where the baseline is of another suite.
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
    comparable, settled, timings, sideless = [], [], [], []
    for numbers in _selected_numbers(baseline, plan):
        if _is_sideless(numbers, plan):
            sideless.append(numbers.metric)
            continue
        if numbers.metric not in tolerances and _is_timing(baseline, numbers):
            timings.append(numbers.metric)
            continue
        pair = (numbers.dataset, numbers.model)
        cells = tuple(cell for cell in plan.cells if (cell.dataset, cell.model) == pair)
        if reason := _obstacle(baseline, numbers, plan, cells):
            settled.append(Change(*pair, numbers.metric, "not comparable", reason))
        else:
            comparable.append((numbers, cells))
    return Gate(
        plan,
        baseline,
        tolerances,
        tuple(comparable),
        tuple(settled),
        tuple(dict.fromkeys(timings)),
        tuple(dict.fromkeys(sideless)),
    )


def _is_sideless(numbers: MetricNumbers, plan: Plan) -> bool:
    """Whether the metric has no worse side, or only by the distance from an ideal, which a baseline
    does not have.
    """
    metric = plan.metrics.get(numbers.metric)
    return (
        metric is not None
        and metric.better in ("nearer", "neither")
        and not isinstance(metric.ideal, float)
    )


def _is_of_another(baseline: Baseline, plan: Plan) -> bool:
    """Whether a suite of the same name, without overrides, has none of the baseline's pairs of
    model and dataset.
    """
    overrides = plan.loaded.overrides
    if overrides.models is not None or overrides.datasets is not None:
        return False
    pairs = {(cell.dataset, cell.model) for cell in plan.cells}
    return bool(baseline.numbers) and not any(
        (n.dataset, n.model) in pairs for n in baseline.numbers
    )


def _pairs_of(baseline: Baseline) -> str:
    pairs = list(dict.fromkeys(f"{n.model} on {n.dataset}" for n in baseline.numbers))
    return ", ".join(pairs[:3]) + (f" and {len(pairs) - 3} more" if len(pairs) > 3 else "")


def _is_timing(baseline: Baseline, numbers: MetricNumbers) -> bool:
    return "machine" in baseline.protocol(numbers).settings


def _selected_numbers(baseline: Baseline, plan: Plan) -> Iterator[MetricNumbers]:
    """Yields the baseline's numbers except those that the command's overrides leave out."""
    overrides = plan.loaded.overrides
    datasets = None if overrides.datasets is None else list(plan.datasets)
    for numbers in baseline.numbers:
        selections = (
            (numbers.dataset, datasets),
            (numbers.model, overrides.models),
            (numbers.metric, overrides.metrics),
        )
        if all(selected is None or name in selected for name, selected in selections):
            yield numbers


def _obstacle(baseline: Baseline, numbers: MetricNumbers, plan: Plan, cells: Sequence[Cell]) -> str:
    """Says why today's numbers cannot be compared with these; empty where they can."""
    suite, before = plan.loaded.suite, baseline.images_on(numbers.dataset)
    images = suite.budgets().get(numbers.dataset, suite.budget.images)
    if images != before:
        return f"budget ({before:,} against {images:,} training images)"
    if not cells:
        return f"the suite has no {numbers.model} on {numbers.dataset} any more"
    measurements = cells[0].planned_measurements
    planned = next((m for m in measurements if m.metric == numbers.metric), None)
    if planned is None:
        return f"the suite does not measure {numbers.metric} on {numbers.dataset} any more"
    if planned.obstacle:
        return f"not applicable: {planned.obstacle}"
    return protocol_changes(baseline.protocol(numbers), planned.protocol)
