"""Precision, recall, density and coverage as metrics, with the neighbourhoods of their papers."""

from __future__ import annotations

from functools import lru_cache, partial

from torch import Tensor

from harness.core.disturbance import Disturbance
from harness.metrics.base import Estimate, Metric, both, worse_with
from harness.metrics.neighbours import PrdcEstimates, prdc_estimates

MANIFOLD_K = 3
"""The neighbourhood size of Kynkäänniemi et al. 2019, for precision and recall."""
COVERAGE_K = 5
"""That of Naeem et al. 2020, for density and coverage."""


@lru_cache(maxsize=1)
def _both_neighbourhoods(reference: Tensor, samples: Tensor) -> tuple[PrdcEstimates, PrdcEstimates]:
    """The numbers for `MANIFOLD_K` and for `COVERAGE_K`, kept for the metrics that share them.
    Tensors are compared by identity: evidence is never written to once it is computed.
    """
    manifold, coverage = prdc_estimates(reference, samples, (MANIFOLD_K, COVERAGE_K))
    return manifold, coverage


def _neighbourhood(reference: Tensor, samples: Tensor, k: int) -> PrdcEstimates:
    """The numbers for this `k`; for it alone where the images are too few for the larger one."""
    if min(len(reference), len(samples)) <= COVERAGE_K:
        return prdc_estimates(reference, samples, (k,))[0]
    return _both_neighbourhoods(reference, samples)[k == COVERAGE_K]


def _read(
    sample_features: Tensor, reference_features: Tensor, *, quantity: str, k: int
) -> Estimate:
    estimate: Estimate = getattr(_neighbourhood(reference_features, sample_features, k), quantity)
    return estimate


def _metric(name: str, k: int, paper: str, *fooled_by: Disturbance) -> Metric:
    return Metric(
        name,
        partial(_read, quantity=name, k=k),
        "higher",
        name,
        paper,
        kind="distribution",
        settings={"k": k},
        least=both(k + 1),
        version=2,
        range=(0.0, None if name == "density" else 1.0),
        fooled_by=worse_with(*fooled_by),
    )


SINGLE_IMAGES: tuple[Disturbance, ...] = ("noise", "blur")
"""What makes a metric of single images worse, whatever their classes."""
VARIETY: tuple[Disturbance, ...] = ("dropped_modes", "duplicates")
"""What makes a metric worse that says how much of the data samples cover: repeats leave gaps."""

KYNKAANNIEMI = "Kynkäänniemi et al. 2019, arXiv:1904.06991"
NAEEM = "Naeem et al. 2020, arXiv:2002.09797"

PRECISION = _metric("precision", MANIFOLD_K, KYNKAANNIEMI, *SINGLE_IMAGES)
RECALL = _metric("recall", MANIFOLD_K, KYNKAANNIEMI, *VARIETY)
DENSITY = _metric("density", COVERAGE_K, NAEEM, *SINGLE_IMAGES)
COVERAGE = _metric("coverage", COVERAGE_K, NAEEM, *VARIETY)
