"""The kinds of evidence, and what each takes of a model and a dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from harness.data.base import Dataset
from harness.families.base import Family, Reconstructs, Samples, Scores
from harness.metrics.base import Metric
from harness.spec.errors import BadInput, suggest

Role = Literal["extractor", "perceptual", "text"]
Source = Literal["samples", "reconstructions", "scores", "texts", "costs"]


@dataclass(frozen=True)
class Kind:
    """A kind of evidence.

    `source` is what is asked of the model; `role` the feature network it passes through, if any;
    `timed` whether it depends on the machine.
    """

    source: Source
    role: Role | None = None
    timed: bool = False


EVIDENCE: dict[str, Kind] = {
    "samples": Kind("samples"),
    "sample_features": Kind("samples", "extractor"),
    "sample_logits": Kind("samples", "extractor"),
    "reference_features": Kind("samples", "extractor"),
    "originals": Kind("reconstructions"),
    "reconstructions": Kind("reconstructions"),
    "perceptual_distances": Kind("reconstructions", "perceptual"),
    "anomaly_scores": Kind("scores"),
    "anomaly_labels": Kind("scores"),
    "text_similarity": Kind("texts", "text"),
    "training_seconds": Kind("costs", timed=True),
    "peak_memory_bytes": Kind("costs", timed=True),
    "parameter_count": Kind("costs"),
    "sampling_seconds_per_image": Kind("samples", timed=True),
}


def kinds(metric: Metric) -> list[Kind]:
    """The kinds of evidence a metric needs; BadInput where it asks for one that does not exist."""
    for name in metric.needs:
        if name not in EVIDENCE:
            raise BadInput(
                f"metric {metric.name!r} asks for unknown evidence {name!r}"
                f"{suggest(name, EVIDENCE)}"
            )
    return [EVIDENCE[name] for name in metric.needs]


def roles(metric: Metric) -> set[Role]:
    """The feature networks a metric needs."""
    return {kind.role for kind in kinds(metric) if kind.role}


def obstacle(metric: Metric, model: str, family: Family, dataset: Dataset) -> str | None:
    """Why the metric does not apply to this model on this dataset, or None where it does."""
    for source in dict.fromkeys(kind.source for kind in kinds(metric)):
        if reason := _OBSTACLES[source](model, family, dataset):
            return reason
    return None


def _cannot_sample(model: str, family: Family, _: Dataset) -> str | None:
    return None if isinstance(family, Samples) else f"{model} does not make new images"


def _cannot_reconstruct(model: str, family: Family, _: Dataset) -> str | None:
    return None if isinstance(family, Reconstructs) else f"{model} does not reconstruct images"


def _cannot_score(model: str, family: Family, dataset: Dataset) -> str | None:
    if not dataset.unseen:
        return f"{dataset.name} has no unseen class; name one, as in {dataset.name}[unseen=8]"
    if isinstance(family, Scores | Reconstructs):
        return None
    return f"{model} neither scores nor reconstructs images"


def _no_texts(_: str, __: Family, dataset: Dataset) -> str | None:
    return f"{dataset.name} has no texts to make images from"


def _always(_: str, __: Family, ___: Dataset) -> str | None:
    return None


_OBSTACLES: dict[Source, Callable[[str, Family, Dataset], str | None]] = {
    "samples": _cannot_sample,
    "reconstructions": _cannot_reconstruct,
    "scores": _cannot_score,
    "texts": _no_texts,
    "costs": _always,
}
