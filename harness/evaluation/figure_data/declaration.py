"""What figure data is: the function that computes it, and which models have it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from harness.core.errors import BadInput
from harness.data.base import Dataset
from harness.evaluation.evidence import Evidence
from harness.evaluation.requirements import REQUIREMENTS, Candidate, Need, Unavailable
from harness.families.base import Family
from harness.metrics.base import Metric

ComputeFigureData = Callable[[Evidence], Mapping[str, Any]]
ComputeFunction = TypeVar("ComputeFunction", bound=ComputeFigureData)


@dataclass(frozen=True)
class FigureDataSpec:
    """A kind of figure data: plain values, few enough for a page. It is recorded where
    `unavailable` has no reason against it and a metric of the cell takes the evidence that it is
    `beside`, so that nothing more is computed.
    """

    name: str
    beside: str
    compute: ComputeFigureData
    unavailable: Unavailable


FIGURE_DATA: dict[str, FigureDataSpec] = {}
"""Every kind of figure data by its name."""


def figure_data(
    name: str, *, beside: str, requires: Collection[Need]
) -> Callable[[ComputeFunction], ComputeFunction]:
    """Makes the function below it a kind of figure data that is recorded where all that it
    `requires` is there. Raises BadInput for an unknown requirement.
    """
    for need in requires:
        if need not in REQUIREMENTS:
            raise BadInput(f"figure data {name!r}: unknown requirement {need!r}")

    def reason(candidate: Candidate) -> str | None:
        reasons = (REQUIREMENTS[need].unavailable(candidate) for need in requires)
        return next(filter(None, reasons), None)

    def register(compute: ComputeFunction) -> ComputeFunction:
        FIGURE_DATA[name] = FigureDataSpec(name, beside, compute, reason)
        return compute

    return register


def chosen_figure_data(
    dataset: Dataset, model: Family | None, metrics: Sequence[Metric]
) -> list[FigureDataSpec]:
    """The figure data to be recorded of a model on a dataset, or of samples where `model` is None,
    beside these metrics.
    """
    candidate = Candidate(dataset, "the model", model, no_model="there are samples alone")
    taken = {need for metric in metrics if not metric.variant for need in metric.needs}
    return [
        spec
        for spec in FIGURE_DATA.values()
        if spec.beside in taken and not spec.unavailable(candidate)
    ]


def figure_data_json(spec: FigureDataSpec, evidence: Evidence) -> str:
    """The data as JSON on one line; numbers that are not finite are refused with ValueError."""
    return json.dumps(spec.compute(evidence), separators=(",", ":"), allow_nan=False)
