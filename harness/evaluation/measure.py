"""One number, or the reason why there is none."""

from __future__ import annotations

import math
import warnings

import torch

from harness.evaluation.evidence import Evidence
from harness.evaluation.protocols import instrument
from harness.metrics.base import Caveat, Metric
from harness.spec.measurement import Measurement
from harness.spec.protocol import Protocol


def measured(metric: Metric, protocol: Protocol, key: str, evidence: Evidence) -> Measurement:
    """The row of the metric: its value with its caveats (what the metric warned of),
    or "failed" with the reason, whatever went wrong.
    """
    try:
        with warnings.catch_warnings(record=True) as caveats:
            warnings.simplefilter("always", Caveat)
            estimate = evidence.measure(metric)
    except Exception as error:
        return Measurement(metric.name, "failed", protocol, key, reason=describe(error))
    if not math.isfinite(estimate.value):
        reason = f"the value is {estimate.value}"
        return Measurement(metric.name, "failed", protocol, key, reason=reason)
    said = [str(caveat.message) for caveat in caveats if caveat.category is Caveat]
    used = instrument(metric, evidence.setup)
    if used and used.caveat:
        said.append(used.caveat)
    return Measurement(
        metric.name, "ok", protocol, key, estimate.value, estimate.stderr, estimate.over,
        reason="; ".join(dict.fromkeys(said)),
    )  # fmt: skip


def describe(error: BaseException) -> str:
    """An exception in one line."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return f"out of memory: {error}"[:1000]
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:1000]
