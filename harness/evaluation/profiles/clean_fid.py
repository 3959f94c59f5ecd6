"""clean-fid in its mode "clean" (Parmar et al. 2022, arXiv:2104.11222)."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from harness.evaluation.profiles.base import limited, make_profile, subset_estimate, variant
from harness.metrics import Subsets, kernel_distances
from harness.metrics.base import Estimate

SUBSETS = Subsets(100, 1000, seed=0)


def _kid(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    """Subsets of 1000 images, or of all of the smaller set: then there is one value, 100 times.

    clean-fid draws the reference's subset first, from NumPy's global generator, which it does not
    seed: its own number is this one after `numpy.random.seed(0)`, and else within `stderr` of it.
    """
    smaller = min(len(sample_features), len(reference_features))
    subsets = replace(SUBSETS, size=min(SUBSETS.size, smaller))
    values = kernel_distances(reference_features, sample_features, subsets)
    return subset_estimate(values, subsets.size, smaller)


PROFILE = make_profile(
    "clean-fid",
    "0.1.35",
    [
        variant("fid"),
        limited(
            variant("kid", _kid, subsets=100, subset_size="min(1000,n)", degree=3, seed=0), images=2
        ),
    ],
    {"extractor": "inception:pil-bicubic"},
)
