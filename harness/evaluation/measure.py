"""One number, or the reason why there is none."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import stdev

import torch

from harness.evaluation.draws import average
from harness.evaluation.evidence import Evidence
from harness.evaluation.kinds import needs
from harness.evaluation.protocols import instrument
from harness.metrics.base import Caveat, Estimate, Metric
from harness.spec.measurement import Measurement
from harness.spec.protocol import Protocol


@dataclass(frozen=True)
class Reading:
    """What a metric says of one draw of samples: its estimate with its caveats (what the metric
    warned of), or why there is none, whatever went wrong.
    """

    estimate: Estimate | None
    caveats: tuple[str, ...] = ()
    failure: str = ""


def read(metric: Metric, evidence: Evidence) -> Reading:
    """The metric, computed from the evidence."""
    try:
        with warnings.catch_warnings(record=True) as caveats:
            warnings.simplefilter("always", Caveat)
            estimate = evidence.measure(metric)
    except Exception as error:
        return Reading(None, failure=describe(error))
    if not math.isfinite(estimate.value):
        return Reading(None, failure=f"the value is {estimate.value}")
    said = [str(caveat.message) for caveat in caveats if caveat.category is Caveat]
    return Reading(estimate, tuple(said))


def measured(
    metric: Metric,
    protocol: Protocol,
    key: str,
    evidence: Evidence,
    others: Sequence[Reading] = (),
) -> Measurement:
    """The row of the metric, averaged with what it said of `others`, the further draws; "failed"
    with the reason where one of them failed.
    """
    readings = [read(metric, evidence), *others]
    for draw, reading in enumerate(readings):
        if reading.estimate is None:
            reason = f"draw {draw}: {reading.failure}" if others else reading.failure
            return Measurement(metric.name, "failed", protocol, key, reason=reason)
    estimates = [reading.estimate for reading in readings if reading.estimate]
    said = [caveat for reading in readings for caveat in reading.caveats]
    used = instrument(metric, evidence.setup)
    if used and used.caveat:
        said.append(used.caveat)
    if others:
        spread = stdev(estimate.value for estimate in estimates)
        said.append(f"standard deviation between the {len(estimates)} draws {spread:.3g}")
    mean = average(estimates, shared=bool(needs(metric) & {"reference", "train"}))
    return Measurement(
        metric.name, "ok", protocol, key, mean.value, mean.stderr, mean.over,
        reason="; ".join(dict.fromkeys(said)),
    )  # fmt: skip


def describe(error: BaseException) -> str:
    """An exception in one line."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return f"out of memory: {error}"[:1000]
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:1000]
