"""One number, or the reason why there is none."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import stdev

import torch

from harness.core.error_location import location
from harness.core.errors import FAILURES, BadInput, one_line
from harness.core.measurement import Measurement, is_number
from harness.core.protocol import Protocol
from harness.evaluation.draws import average_draws
from harness.evaluation.evidence import Evidence
from harness.evaluation.outputs import WrongOutput
from harness.evaluation.protocols import EvalConfig, network_info
from harness.evaluation.remarks import remarks
from harness.evaluation.specs import is_framewise, metric_needs
from harness.metrics.base import Caveat, Estimate, Metric


@dataclass(frozen=True)
class MetricOutcome:
    """What a metric gave for one draw of samples: an estimate with its caveats, or why there is
    none. `refusal` is the reason where the metric is not defined for its evidence, `trace` the
    traceback where it failed.
    """

    estimate: Estimate | None
    caveats: tuple[str, ...] = ()
    failure: str = ""
    refusal: str = ""
    trace: str = ""


def compute_metric(metric: Metric, evidence: Evidence) -> MetricOutcome:
    """The metric, computed from the evidence."""

    def compute() -> Estimate:
        estimate = evidence.measure(metric)
        if evidence.setup.frames > 1 and is_framewise(metric):
            # Frames of one video are alike: an error that takes them for independent is too small.
            return Estimate(estimate.value)
        return estimate

    outcome = metric_outcome(compute)
    if outcome.estimate is None:
        return outcome
    noted = remarks(metric, evidence)
    # Of one set against itself nothing varies: an error of it would be read as certainty.
    estimate = Estimate(outcome.estimate.value) if noted.is_same_set else outcome.estimate
    return replace(outcome, estimate=estimate, caveats=(*noted.texts, *outcome.caveats))


def metric_outcome(compute: Callable[[], Estimate]) -> MetricOutcome:
    """What `compute` gives, or how it fails."""
    try:
        with warnings.catch_warnings(record=True) as caveats:
            warnings.simplefilter("always", Caveat)
            estimate = compute()
    except FAILURES as error:
        refusal = str(error) if isinstance(error, BadInput) else ""
        return MetricOutcome(None, (), error_line(error), refusal, traceback.format_exc())
    if not is_number(estimate.value):
        return MetricOutcome(None, failure=f"the value is {estimate.value}")
    messages = [str(caveat.message) for caveat in caveats if caveat.category is Caveat]
    return MetricOutcome(estimate, tuple(messages))


def measurement_of(
    metric: Metric,
    protocol: Protocol,
    key: str,
    readings: Sequence[MetricOutcome],
    setup: EvalConfig,
) -> Measurement:
    """What was read of all draws as one number; "failed", with the reason, where one failed."""
    for draw, reading in enumerate(readings):
        if reading.estimate is None:
            reason = f"draw {draw}: {reading.failure}" if len(readings) > 1 else reading.failure
            return Measurement(metric.name, "failed", protocol, key, reason=reason)
    estimates = [reading.estimate for reading in readings if reading.estimate]
    remarks = [caveat for reading in readings for caveat in reading.caveats]
    used = network_info(metric, setup)
    if used and used.caveat:
        remarks.append(used.caveat)
    if len(estimates) > 1:
        spread = stdev(estimate.value for estimate in estimates)
        remarks.append(f"standard deviation between the {len(estimates)} draws {spread:.3g}")
    mean = average_draws(estimates, shared=bool(metric_needs(metric) & {"reference", "train"}))
    return Measurement(
        metric.name,
        "ok",
        protocol,
        key,
        mean.value,
        mean.stderr,
        mean.over,
        reason="; ".join(dict.fromkeys(remarks)),
    )


def error_line(error: BaseException) -> str:
    """An exception in one line, with the place in the code of the model, or else of the harness."""
    text = one_line(error)
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return f"out of memory: {text}"[:1000]
    if isinstance(error, WrongOutput):
        return text[:1000]
    place = "" if isinstance(error, BadInput) else location(error)
    return f"{type(error).__name__}: {text}"[:900] + (f" ({place})" if place else "")
