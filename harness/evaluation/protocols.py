"""The protocol of each number, known before anything is computed: it is half of a number's key."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.data.base import Dataset
from harness.evaluation.kinds import Role, Source, kinds
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


def protocol(metric: Metric, dataset: Dataset, setup: Setup) -> Protocol:
    """How `metric` is measured on `dataset` under `setup`."""
    needed = kinds(metric)
    role = next((kind.role for kind in needed if kind.role), None)
    extractor, preprocessing = setup.labels.get(role, ("", "")) if role else ("", "")
    sources = {kind.source for kind in needed}
    timed = any(kind.timed for kind in needed)
    samples, reference = (None, None) if timed else _counts(metric, sources, dataset, setup)
    tested = not timed and (sources & {"reconstructions", "scores"} or reference is not None)
    settings = dict(metric.settings) | ({"machine": setup.machine} if timed else {})
    if "sampling_seconds_per_image" in metric.needs:
        settings |= {"batch": TIMING_BATCH, "repeats": TIMING_REPEATS}
    return Protocol(
        metric=metric.name,
        version=metric.version,
        dataset=dataset.name,
        extractor=extractor,
        preprocessing=preprocessing,
        quantisation="u8" if sources & {"samples", "reconstructions"} and not timed else "",
        samples=samples,
        reference=reference,
        split="test" if tested else "",
        reference_digest=dataset.digest[:16] if tested else "",
        settings=settings,
    )


def _counts(
    metric: Metric, sources: set[Source], dataset: Dataset, setup: Setup
) -> tuple[int | None, int | None]:
    """How many images are measured, and how many they are compared with as a set."""
    if "reconstructions" in sources:
        return len(dataset.normal_test), None
    if "scores" in sources:
        return len(dataset.test), None
    if "samples" not in sources:
        return None, None
    compared = "reference_features" in metric.needs
    return setup.samples, len(dataset.normal_test) if compared else None
