"""The protocol of each number, known before anything is computed: it is half of a number's key."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.evaluation.kinds import Need, Role, kinds, needs
from harness.evaluation.subject import Subject
from harness.metrics.base import Metric
from harness.spec.protocol import Protocol

SAMPLING_BATCH = 100
"""Images drawn from a model at a time. Part of a model's samples, since each batch takes its own
share of the generator's stream."""

TIMING_BATCH = 64
TIMING_REPEATS = 3
"""Sampling is timed on this many batches of that many images, after one that is not counted."""


@dataclass(frozen=True)
class Setup:
    """How a suite measures its cells: the feature networks by role, each with its label and
    preprocessing; how many images are sampled; the machine that timings are of.
    """

    names: dict[Role, str]
    labels: dict[Role, tuple[str, str]] = field(default_factory=dict)
    samples: int = 0
    machine: str = ""


def protocol(metric: Metric, subject: Subject, setup: Setup) -> Protocol:
    """How `metric` is measured on `subject` under `setup`."""
    needed, timed = needs(metric), any(kind.timed for kind in kinds(metric))
    role = next((kind.role for kind in kinds(metric) if kind.role), None)
    extractor, preprocessing = setup.labels.get(role, ("", "")) if role else ("", "")
    splits = [] if timed else [name for need, name in subject.splits.items() if need in needed]
    samples, reference = (None, None) if timed else _counts(needed, subject)
    settings = dict(metric.settings) | ({"machine": setup.machine} if timed else {})
    if "sampling_seconds_per_image" in metric.needs:
        settings |= {"batch": TIMING_BATCH, "repeats": TIMING_REPEATS}
    return Protocol(
        metric=metric.name,
        version=metric.version,
        dataset=subject.data,
        extractor=extractor,
        preprocessing=preprocessing,
        quantisation="u8" if needed & {"samples", "reconstructions"} and not timed else "",
        samples=samples,
        reference=reference,
        split="+".join(dict.fromkeys(splits)),
        reference_digest=subject.digest[:16] if splits else "",
        settings=settings,
    )


def _counts(needed: set[Need], subject: Subject) -> tuple[int | None, int | None]:
    """How many images are measured, and how many they are compared with as a set."""
    measured: tuple[Need, ...] = ("samples", "reconstructions", "scores")
    compared: tuple[Need, ...] = ("reference", "train")

    def count(among: tuple[Need, ...]) -> int | None:
        known = (n for need in among if need in needed and (n := subject.counts.get(need)))
        return next(known, None)

    return count(measured), count(compared)
