"""torch-fidelity with its defaults."""

from __future__ import annotations

from torch import Tensor

from harness.core.errors import BadInput
from harness.evaluation.profiles.base import (
    limited,
    make_profile,
    reported_spread,
    subset_estimate,
    variant,
)
from harness.metrics import Subsets, checks, inception_scores, kernel_distances
from harness.metrics.base import Estimate

SUBSETS = Subsets(100, 1000, seed=2020)


def _kid(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    smaller = min(len(sample_features), len(reference_features))
    if smaller < SUBSETS.size:
        raise BadInput(
            f"torch-fidelity draws subsets of {SUBSETS.size} images and refuses {smaller}"
        )
    values = kernel_distances(sample_features, reference_features, SUBSETS)
    reported_spread(values, "torch-fidelity", "subsets", correction=0)
    return subset_estimate(values, SUBSETS.size, smaller)


def _inception_score(sample_logits: Tensor) -> Estimate:
    scores = inception_scores(sample_logits)
    reported_spread(scores, "torch-fidelity", "splits", correction=0)
    return checks.mean_over(scores, "splits")


PROFILE = make_profile(
    "torch-fidelity",
    "0.4.0",
    [
        variant("fid"),
        limited(
            variant("kid", _kid, subsets=100, subset_size=1000, degree=3, seed=2020),
            images=SUBSETS.size,
        ),
        variant("is", _inception_score, splits=10, seed=2020),
        variant("precision", k=3),
        variant("recall", k=3),
    ],
    {"extractor": "inception"},
)
