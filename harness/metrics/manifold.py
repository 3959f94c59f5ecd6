"""Precision, recall, density and coverage as metrics, with the neighbourhoods of their papers."""

from __future__ import annotations

from functools import lru_cache

from torch import Tensor

from harness.metrics.base import Estimate, Metric, both
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


def _precision(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return _neighbourhood(reference_features, sample_features, MANIFOLD_K).precision


def _recall(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return _neighbourhood(reference_features, sample_features, MANIFOLD_K).recall


def _density(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return _neighbourhood(reference_features, sample_features, COVERAGE_K).density


def _coverage(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return _neighbourhood(reference_features, sample_features, COVERAGE_K).coverage


PRECISION = Metric(
    "precision",
    _precision,
    "higher",
    "precision",
    "Kynkäänniemi et al. 2019, arXiv:1904.06991",
    kind="distribution",
    settings={"k": MANIFOLD_K},
    least=both(MANIFOLD_K + 1),
    version=2,
)
RECALL = Metric(
    "recall",
    _recall,
    "higher",
    "recall",
    "Kynkäänniemi et al. 2019, arXiv:1904.06991",
    kind="distribution",
    settings={"k": MANIFOLD_K},
    least=both(MANIFOLD_K + 1),
    version=2,
)
DENSITY = Metric(
    "density",
    _density,
    "higher",
    "density",
    "Naeem et al. 2020, arXiv:2002.09797",
    kind="distribution",
    settings={"k": COVERAGE_K},
    least=both(COVERAGE_K + 1),
    version=2,
)
COVERAGE = Metric(
    "coverage",
    _coverage,
    "higher",
    "coverage",
    "Naeem et al. 2020, arXiv:2002.09797",
    kind="distribution",
    settings={"k": COVERAGE_K},
    least=both(COVERAGE_K + 1),
    version=2,
)
