"""How like the data's the samples' distribution is.

The log scale is for positive, skewed quantities. KID is one of them although its estimate can fall
below zero, where samples and reference can hardly be told apart; the analysis compares on the
linear scale wherever a value is not positive.
"""

from __future__ import annotations

from functools import lru_cache

from torch import Tensor

from harness.metrics import checks
from harness.metrics.base import Estimate, Metric
from harness.metrics.frechet import frechet_distance
from harness.metrics.inception_score import inception_scores
from harness.metrics.kernel import kernel_distance
from harness.metrics.neighbours import Prdc, prdc
from harness.metrics.sharpness import CUTOFF, log_sharpness_ratio

MANIFOLD_K = 3
COVERAGE_K = 5
"""The neighbourhood sizes of the papers that introduced the metrics."""


def _fid(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return Estimate(frechet_distance(sample_features, reference_features))


def _kid(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return kernel_distance(sample_features, reference_features)


def _inception_score(sample_logits: Tensor) -> Estimate:
    return checks.mean_over(inception_scores(sample_logits), "splits")


@lru_cache(maxsize=2)
def _neighbours(reference_features: Tensor, sample_features: Tensor, k: int) -> Prdc:
    """`prdc`, remembered for the metrics that share it. Tensors are told apart by identity: those
    of evidence are never written to once computed.
    """
    return prdc(reference_features, sample_features, k)


def _precision(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return Estimate(_neighbours(reference_features, sample_features, MANIFOLD_K).precision)


def _recall(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return Estimate(_neighbours(reference_features, sample_features, MANIFOLD_K).recall)


def _density(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return Estimate(_neighbours(reference_features, sample_features, COVERAGE_K).density)


def _coverage(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return Estimate(_neighbours(reference_features, sample_features, COVERAGE_K).coverage)


def _sharpness(samples: Tensor, reference_images: Tensor) -> Estimate:
    """How far the samples' sharpness is from the data's, towards blur or towards noise."""
    ratio = log_sharpness_ratio(samples, reference_images)
    return Estimate(abs(ratio.value), ratio.stderr, ratio.over)


FID = Metric(
    "fid", _fid, "lower", "Fréchet distance", "Heusel et al. 2017, arXiv:1706.08500",
    scale="log", digits=2,
)  # fmt: skip
KID = Metric(
    "kid", _kid, "lower", "kernel distance", "Bińkowski et al. 2018, arXiv:1801.01401",
    scale="log", digits=5,
    settings={"subsets": 100, "subset_size": "min(1000,n/2)", "degree": 3, "seed": 2020},
)  # fmt: skip
IS = Metric(
    "is", _inception_score, "higher", "inception score", "Salimans et al. 2016, arXiv:1606.03498",
    settings={"splits": 10, "seed": 2020},
)  # fmt: skip
PRECISION = Metric(
    "precision", _precision, "higher", "precision", "Kynkäänniemi et al. 2019, arXiv:1904.06991",
    settings={"k": MANIFOLD_K},
)  # fmt: skip
RECALL = Metric(
    "recall", _recall, "higher", "recall", "Kynkäänniemi et al. 2019, arXiv:1904.06991",
    settings={"k": MANIFOLD_K},
)  # fmt: skip
DENSITY = Metric(
    "density", _density, "higher", "density", "Naeem et al. 2020, arXiv:2002.09797",
    settings={"k": COVERAGE_K},
)  # fmt: skip
COVERAGE = Metric(
    "coverage", _coverage, "higher", "coverage", "Naeem et al. 2020, arXiv:2002.09797",
    settings={"k": COVERAGE_K},
)  # fmt: skip
SHARPNESS = Metric(
    "sharpness", _sharpness, "lower", "sharpness gap", "",
    settings={"from_cycles_per_pixel": CUTOFF, "window": "hann"},
)  # fmt: skip

METRICS = (FID, KID, IS, PRECISION, RECALL, DENSITY, COVERAGE, SHARPNESS)
