"""A cell's missing numbers and pictures: computed, and recorded one by one."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from harness.cell.work import CellWork
from harness.config.training_fraction import is_fraction
from harness.core.errors import FAILURES
from harness.data.base import Dataset
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.figure_data import chosen_figure_data, figure_data_json
from harness.evaluation.measure import MetricOutcome, compute_metric, error_line, measurement_of
from harness.evaluation.pictures import SAMPLES, chosen_pictures, picture_name
from harness.evaluation.profiles import load_metric_as
from harness.evaluation.protocols import draw_count
from harness.evaluation.specs import metric_needs
from harness.evaluation.training_curves import TRAINING_CURVE, TRAINING_STRIP, training_curve
from harness.families.base import Family
from harness.metrics.base import Metric
from harness.plan import Cell, PlannedMeasurement
from harness.plan.external_samples import evidence_of
from harness.training import stopping
from harness.training.drift import has_drift
from harness.training.stopping import Stopped

COSTS = {
    "training_seconds": "seconds",
    "peak_memory_bytes": "peak_memory_bytes",
    "parameter_count": "parameters",
}
"""The costs of training that are evidence, with the name of the fact that a run records."""


BY_STEP = ("samples", "reconstructions")
"""The pictures that MLflow's page of a run shows as images of the end of training."""


def costs_of(facts: Mapping[str, str]) -> dict[str, float]:
    """The costs of training among the facts of a run."""
    recorded = {name: facts[fact] for name, fact in COSTS.items() if fact in facts}
    return {
        name: float(v) if name == "training_seconds" else int(v) for name, v in recorded.items()
    }


def measure_cell(
    work: CellWork, provided: Mapping[str, Any], dataset: Dataset, model: Family | None = None
) -> list[str]:
    """Compute and record each missing number; a message for each that failed. `provided` is the
    evidence that is at hand.
    """
    cell = work.cell
    missing = cell.missing(work.record)
    work.record_numbers([p.without("not applicable", "") for p in missing if p.obstacle])
    applicable = [planned for planned in missing if not planned.obstacle]
    values = dataset_evidence(dataset) | dict(provided)
    if any(TRAINING_CURVE in metric_needs(_metric(cell, planned)) for planned in applicable):
        values[TRAINING_CURVE] = training_curve(work.curves())
    if cell.is_shown and has_drift(model):
        values[TRAINING_STRIP] = work.strip()
    device = cell.numerics.device
    evidence = Evidence(values, cell.setup, seed=cell.seed, device=device, model=model)
    other_draws = _other_draws(cell, applicable, evidence, dataset)
    failures = []
    for number, planned in enumerate(applicable):
        if stopping.requested():
            raise Stopped("stopped before all was measured")
        work.tell("measuring", number, len(applicable))
        metric = _metric(cell, planned)
        outcomes = [compute_metric(metric, evidence), *other_draws.get(planned.metric, ())]
        measurement = measurement_of(metric, planned.protocol, planned.key, outcomes, cell.setup)
        work.record_numbers([measurement])
        if measurement.status == "failed":
            failures.append(f"{cell.name}: {planned.metric}: {measurement.reason}")
            _keep_traces(work, planned.metric, outcomes)
    if not failures and (cell.is_shown or is_fraction(cell.model)):
        failures += _draw_pictures(work, evidence, dataset, model)
        failures += _record_figure_data(work, evidence, dataset, model)
    return failures


def _metric(cell: Cell, planned: PlannedMeasurement) -> Metric:
    """The metric of a planned measurement, as the suite's profile defines it."""
    return load_metric_as(cell.setup.profile, planned.metric)


def _other_draws(
    cell: Cell, planned: Sequence[PlannedMeasurement], evidence: Evidence, dataset: Dataset
) -> dict[str, list[MetricOutcome]]:
    """The outcomes of the metrics of samples on all draws but the first, by metric. The first
    draw is measured after these, and has the pictures. One draw at a time is in memory, beside
    the first where that is provided.
    """
    metrics = [_metric(cell, p) for p in planned]
    drawn = [metric for metric in metrics if draw_count(metric, cell.setup) > 1]
    outcomes: dict[str, list[MetricOutcome]] = {metric.name: [] for metric in drawn}
    for draw in range(1, cell.setup.draws) if drawn else ():
        provided = {} if cell.is_trained else evidence_of(cell, dataset, draw)
        other = evidence.redrawn(draw, provided)
        for metric in drawn:
            outcomes[metric.name].append(compute_metric(metric, other))
    return outcomes


def _keep_traces(work: CellWork, metric: str, outcomes: Sequence[MetricOutcome]) -> None:
    """Put the tracebacks of a failed measurement beside the cell's other files."""
    traces = "\n".join(dict.fromkeys(outcome.trace for outcome in outcomes if outcome.trace))
    if traces:
        name = "".join(c if c.isalnum() or c in "._-" else "-" for c in metric)[:80]
        work.store.put(work.run_id, f"failures/{name}.txt", traces)


def _draw_pictures(
    work: CellWork, evidence: Evidence, dataset: Dataset, model: Family | None
) -> list[str]:
    """Draw and store the pictures that the run does not have yet; a message for each that failed,
    which leaves numbers and other pictures as they are.
    """
    cell = work.cell
    drawn = work.record.facts.get("pictures", "").split()
    failures: list[str] = []
    metrics = [_metric(cell, p) for p in cell.planned_measurements if not p.obstacle]
    for spec in chosen_pictures(dataset, model, metrics):
        name = picture_name(spec.name, cell.sampling)
        if name in drawn or not (cell.is_shown or spec.name == SAMPLES):
            continue
        try:
            png = spec.draw(evidence)
        except FAILURES as error:
            failures.append(f"{cell.name}: picture {spec.name}: {error_line(error)}")
            work.store.put(work.run_id, f"failures/picture-{name}.txt", traceback.format_exc())
            continue
        if png:
            work.store.put(work.run_id, f"pictures/{name}.png", png)
            if name in BY_STEP:
                work.store.log_image(work.run_id, name, cell.images, png)
            drawn.append(name)
    work.store.tag(work.run_id, {"harness.fact.pictures": " ".join(drawn).strip()})
    return failures


def _record_figure_data(
    work: CellWork, evidence: Evidence, dataset: Dataset, model: Family | None
) -> list[str]:
    """Store what figures of reports are drawn from and the run does not have yet; a message for
    each that failed, which leaves all else as it is.
    """
    cell = work.cell
    recorded = work.record.facts.get("figures", "").split()
    failures: list[str] = []
    metrics = [_metric(cell, p) for p in cell.planned_measurements if not p.obstacle]
    for spec in chosen_figure_data(dataset, model, metrics) if cell.is_shown else ():
        name = picture_name(spec.name, cell.sampling)
        if name in recorded:
            continue
        try:
            content = figure_data_json(spec, evidence)
        except FAILURES as error:
            failures.append(f"{cell.name}: figure {spec.name}: {error_line(error)}")
            work.store.put(work.run_id, f"failures/figure-{name}.txt", traceback.format_exc())
            continue
        work.store.put(work.run_id, f"figures/{name}.json", content)
        recorded.append(name)
    if recorded:
        work.store.tag(work.run_id, {"harness.fact.figures": " ".join(recorded)})
    return failures
