"""How like the data's the samples' distribution is.

The log scale is for positive, skewed quantities. KID is one of them although its estimate can fall
below zero, where samples and reference can hardly be told apart; the analysis compares on the
linear scale wherever a value is not positive.
"""

from __future__ import annotations

from functools import lru_cache

from torch import Tensor

from harness.metrics import checks
from harness.metrics.base import Estimate, Metric, both
from harness.metrics.extrapolation import frechet_infinity, mean_frechet_by_class
from harness.metrics.frechet import frechet_estimate
from harness.metrics.inception_score import inception_score
from harness.metrics.kernel import RbfKernel, kernel_distance
from harness.metrics.neighbours import PrdcEstimates, prdc_estimates
from harness.metrics.sharpness import CUTOFF, SMALLEST, log_sharpness_ratio

MANIFOLD_K = 3
COVERAGE_K = 5
"""The neighbourhood sizes of the papers that introduced the metrics."""


def _fid(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return frechet_estimate(sample_features, reference_features)


def _fid_infinity(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return frechet_infinity(sample_features, reference_features).estimate


def _class_fid(
    sample_features: Tensor,
    reference_features: Tensor,
    sample_logits: Tensor,
    reference_logits: Tensor,
) -> Estimate:
    """Classes are a classifier's on both sides, so that samples without labels have them too."""
    sample_labels, reference_labels = (
        checks.matrix(logits, "logits", at_least=2).argmax(dim=1)
        for logits in (sample_logits, reference_logits)
    )
    return mean_frechet_by_class(
        sample_features, sample_labels, reference_features, reference_labels
    )


def _kid(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return kernel_distance(sample_features, reference_features)


def _kid_rbf(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return kernel_distance(sample_features, reference_features, RbfKernel())


def _inception_score(sample_logits: Tensor) -> Estimate:
    return inception_score(sample_logits)


@lru_cache(maxsize=1)
def _both_neighbours(reference: Tensor, samples: Tensor) -> tuple[PrdcEstimates, PrdcEstimates]:
    """For `MANIFOLD_K` and `COVERAGE_K`, remembered for the metrics that share it. Tensors are told
    apart by identity: those of evidence are never written to once computed.
    """
    manifold, coverage = prdc_estimates(reference, samples, (MANIFOLD_K, COVERAGE_K))
    return manifold, coverage


def _neighbours(reference: Tensor, samples: Tensor, k: int) -> PrdcEstimates:
    """For this k alone where the images are too few for the larger one."""
    if min(len(reference), len(samples)) <= COVERAGE_K:
        return prdc_estimates(reference, samples, (k,))[0]
    return _both_neighbours(reference, samples)[k == COVERAGE_K]


def _precision(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return _neighbours(reference_features, sample_features, MANIFOLD_K).precision


def _recall(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return _neighbours(reference_features, sample_features, MANIFOLD_K).recall


def _density(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return _neighbours(reference_features, sample_features, COVERAGE_K).density


def _coverage(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return _neighbours(reference_features, sample_features, COVERAGE_K).coverage


def _sharpness(samples: Tensor, reference_images: Tensor) -> Estimate:
    """Below 0 where samples are blurrier than the data, above 0 where they are noisier."""
    return log_sharpness_ratio(samples, reference_images)


FID = Metric(
    "fid", _fid, "lower", "Fréchet distance", "Heusel et al. 2017, arXiv:1706.08500",
    scale="log", digits=2, least=both(2),
)  # fmt: skip
FID_INFINITY = Metric(
    "fid_infinity", _fid_infinity, "lower", "Fréchet distance of endlessly many samples",
    "Chong & Forsyth 2020, arXiv:1911.07023", version=2, digits=2,
    settings={"points": 6, "seed": 2020}, least={"samples": 11, "reference": 2},
)  # fmt: skip
CLASS_FID = Metric(
    "class_fid", _class_fid, "lower", "mean Fréchet distance by class",
    "Miyato & Koyama 2018, arXiv:1802.05637", scale="log", digits=2, least=both(2),
)  # fmt: skip
KID = Metric(
    "kid", _kid, "lower", "kernel distance", "Bińkowski et al. 2018, arXiv:1801.01401",
    scale="log", digits=5,
    settings={"subsets": 100, "subset_size": "min(1000,n/2)", "degree": 3, "seed": 2020},
    least=both(4),
)  # fmt: skip
KID_RBF = Metric(
    "kid_rbf", _kid_rbf, "lower", "kernel distance by a Gaussian kernel",
    "Gretton et al. 2012", scale="log", digits=5,
    settings={"subsets": 100, "subset_size": "min(1000,n/2)", "sigma": 10.0, "seed": 2020},
    least=both(4),
)  # fmt: skip
IS = Metric(
    "is", _inception_score, "higher", "inception score", "Salimans et al. 2016, arXiv:1606.03498",
    settings={"splits": 10, "seed": 2020}, least={"samples": 20},
)  # fmt: skip
PRECISION = Metric(
    "precision", _precision, "higher", "precision", "Kynkäänniemi et al. 2019, arXiv:1904.06991",
    settings={"k": MANIFOLD_K}, least=both(MANIFOLD_K + 1), version=2,
)  # fmt: skip
RECALL = Metric(
    "recall", _recall, "higher", "recall", "Kynkäänniemi et al. 2019, arXiv:1904.06991",
    settings={"k": MANIFOLD_K}, least=both(MANIFOLD_K + 1), version=2,
)  # fmt: skip
DENSITY = Metric(
    "density", _density, "higher", "density", "Naeem et al. 2020, arXiv:2002.09797",
    settings={"k": COVERAGE_K}, least=both(COVERAGE_K + 1), version=2,
)  # fmt: skip
COVERAGE = Metric(
    "coverage", _coverage, "higher", "coverage", "Naeem et al. 2020, arXiv:2002.09797",
    settings={"k": COVERAGE_K}, least=both(COVERAGE_K + 1), version=2,
)  # fmt: skip
SHARPNESS = Metric(
    "sharpness", _sharpness, "nearer", "sharpness relative to the data's", "", ideal=0.0,
    version=2, settings={"from_cycles_per_pixel": CUTOFF, "window": "hann"}, of_pixels=True,
    of_detail=True, smallest=SMALLEST,
)  # fmt: skip

METRICS = (
    FID, FID_INFINITY, CLASS_FID, KID, KID_RBF, IS, PRECISION, RECALL, DENSITY, COVERAGE, SHARPNESS,
)  # fmt: skip
