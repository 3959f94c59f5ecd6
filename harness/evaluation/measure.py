"""One number, or the reason why there is none."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import stdev

import torch

from harness.evaluation.draws import average
from harness.evaluation.evidence import Evidence
from harness.evaluation.kinds import is_framewise, needs
from harness.evaluation.outputs import WrongOutput
from harness.evaluation.protocols import Setup, instrument
from harness.evaluation.remarks import remarks
from harness.metrics.base import Caveat, Estimate, Metric
from harness.spec.blame import location
from harness.spec.errors import FAILURES, BadInput
from harness.spec.measurement import Measurement, is_number
from harness.spec.protocol import Protocol


@dataclass(frozen=True)
class Reading:
    """What was said of one draw of samples: an estimate with its caveats (what was warned of), or
    why there is none, whatever went wrong. `refusal` is the reason where the metric is not defined
    for what it was given, `trace` the traceback.
    """

    estimate: Estimate | None
    caveats: tuple[str, ...] = ()
    failure: str = ""
    refusal: str = ""
    trace: str = ""


def read(metric: Metric, evidence: Evidence) -> Reading:
    """The metric, computed from the evidence."""

    def compute() -> Estimate:
        estimate = evidence.measure(metric)
        if evidence.setup.frames > 1 and is_framewise(metric):
            # Frames of one video are alike: an error that takes them for independent is too small.
            return Estimate(estimate.value)
        return estimate

    said = reading(compute)
    if said.estimate is None:
        return said
    noted = remarks(metric, evidence)
    # Of one set against itself nothing varies: an error of it would be read as certainty.
    estimate = Estimate(said.estimate.value) if noted.is_same_set else said.estimate
    return replace(said, estimate=estimate, caveats=(*noted.texts, *said.caveats))


def reading(compute: Callable[[], Estimate]) -> Reading:
    """What `compute` gives, or how it fails."""
    try:
        with warnings.catch_warnings(record=True) as caveats:
            warnings.simplefilter("always", Caveat)
            estimate = compute()
    except FAILURES as error:
        refusal = str(error) if isinstance(error, BadInput) else ""
        return Reading(None, (), describe(error), refusal, traceback.format_exc())
    if not is_number(estimate.value):
        return Reading(None, failure=f"the value is {estimate.value}")
    said = [str(caveat.message) for caveat in caveats if caveat.category is Caveat]
    return Reading(estimate, tuple(said))


def row(
    metric: Metric, protocol: Protocol, key: str, readings: Sequence[Reading], setup: Setup
) -> Measurement:
    """What was read of all draws as one number; "failed", with the reason, where one failed."""
    for draw, said in enumerate(readings):
        if said.estimate is None:
            reason = f"draw {draw}: {said.failure}" if len(readings) > 1 else said.failure
            return Measurement(metric.name, "failed", protocol, key, reason=reason)
    estimates = [said.estimate for said in readings if said.estimate]
    remarks = [caveat for said in readings for caveat in said.caveats]
    used = instrument(metric, setup)
    if used and used.caveat:
        remarks.append(used.caveat)
    if len(estimates) > 1:
        spread = stdev(estimate.value for estimate in estimates)
        remarks.append(f"standard deviation between the {len(estimates)} draws {spread:.3g}")
    mean = average(estimates, shared=bool(needs(metric) & {"reference", "train"}))
    return Measurement(
        metric.name, "ok", protocol, key, mean.value, mean.stderr, mean.over,
        reason="; ".join(dict.fromkeys(remarks)),
    )  # fmt: skip


def describe(error: BaseException) -> str:
    """An exception in one line, with the place in the code of the model, or else of the harness."""
    said = " ".join(str(error).split())
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return f"out of memory: {said}"[:1000]
    if isinstance(error, WrongOutput):
        return said[:1000]
    place = "" if isinstance(error, BadInput) else location(error)
    return f"{type(error).__name__}: {said}"[:900] + (f" ({place})" if place else "")
