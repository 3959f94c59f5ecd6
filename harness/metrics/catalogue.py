"""Every metric the harness knows: what it is computed from, and how it is compared.

A `compute` function names the evidence it takes by its parameters. The log scale is for positive,
skewed quantities, of which a ratio says more than a difference: errors, distances and costs. KID
is one of them although its estimate can fall below zero, where samples and reference can hardly be
told apart; the analysis compares on the linear scale wherever a value is not positive.
"""

from __future__ import annotations

import math
from functools import lru_cache

from torch import Tensor

from harness.metrics import checks, clip, detection, reconstruction
from harness.metrics.base import Estimate, Metric
from harness.metrics.frechet import frechet_distance
from harness.metrics.inception_score import inception_scores
from harness.metrics.kernel import kernel_distance
from harness.metrics.neighbours import Prdc, prdc
from harness.spec.errors import BadInput

MANIFOLD_K = 3
COVERAGE_K = 5
"""The neighbourhood sizes of the papers that introduced the metrics."""


def _mse(reconstructions: Tensor, originals: Tensor) -> Estimate:
    return checks.mean_over(reconstruction.mse(reconstructions, originals), "images")


def _ssim(reconstructions: Tensor, originals: Tensor) -> Estimate:
    return checks.mean_over(reconstruction.ssim(reconstructions, originals), "images")


def _lpips(perceptual_distances: Tensor) -> Estimate:
    distances = checks.vector(perceptual_distances, "perceptual distances")
    return checks.mean_over(distances, "images")


def _fid(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return Estimate(frechet_distance(sample_features, reference_features))


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


def _clip_score(text_similarity: Tensor) -> Estimate:
    return checks.mean_over(clip.clip_score(text_similarity), "images")


def _average_precision(anomaly_scores: Tensor, anomaly_labels: Tensor) -> Estimate:
    return Estimate(detection.average_precision(anomaly_scores, anomaly_labels))


def _auroc(anomaly_scores: Tensor, anomaly_labels: Tensor) -> Estimate:
    return detection.auroc(anomaly_scores, anomaly_labels)


def _throughput(sampling_seconds_per_image: Tensor) -> Estimate:
    seconds = checks.vector(sampling_seconds_per_image, "sampling times")
    if not bool((seconds > 0).all()):
        raise BadInput(f"sampling times must be positive; found {float(seconds.min()):g} s")
    time = checks.mean_over(seconds, "repeats")
    # The delta method: the relative error of 1/t is that of t.
    stderr = None if time.stderr is None else time.stderr / time.value**2
    return Estimate(1 / time.value, stderr, time.over)


def _training_time(training_seconds: float) -> Estimate:
    return _cost(training_seconds, "training time")


def _parameters(parameter_count: int) -> Estimate:
    return _cost(parameter_count, "parameter count")


def _peak_memory(peak_memory_bytes: int) -> Estimate:
    return _cost(peak_memory_bytes / 2**20, "peak memory")


def _cost(value: float, what: str) -> Estimate:
    if not (math.isfinite(value) and value >= 0):
        raise BadInput(f"{what} must be a number of at least 0, not {value}")
    return Estimate(float(value))


MSE = Metric(
    "mse", _mse, "lower", "mean squared error", "", scale="log", digits=5,
)  # fmt: skip
PSNR = Metric(
    "psnr", reconstruction.mean_psnr, "higher", "peak signal-to-noise ratio", "",
    unit="dB", digits=2,
)  # fmt: skip
SSIM = Metric(
    "ssim", _ssim, "higher", "structural similarity", "Wang et al. 2004",
    settings={"window": "gaussian-11", "sigma": 1.5},
)  # fmt: skip
LPIPS = Metric(
    "lpips", _lpips, "lower", "perceptual distance", "Zhang et al. 2018, arXiv:1801.03924",
    scale="log", digits=4,
)  # fmt: skip
FID = Metric(
    "fid", _fid, "lower", "Fréchet distance", "Heusel et al. 2017, arXiv:1706.08500",
    scale="log", digits=2,
)  # fmt: skip
KID = Metric(
    "kid", kernel_distance, "lower", "kernel distance", "Bińkowski et al. 2018, arXiv:1801.01401",
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
CLIP_SCORE = Metric(
    "clip_score", _clip_score, "higher", "CLIP score", "Hessel et al. 2021, arXiv:2104.08718",
    digits=2, settings={"scale": 100},
)  # fmt: skip
AUROC = Metric(
    "auroc", _auroc, "higher", "area under the ROC curve", "DeLong et al. 1988",
)  # fmt: skip
AUPR = Metric(
    "aupr", _average_precision, "higher", "average precision", "Davis & Goadrich 2006",
)  # fmt: skip
SAMPLING_THROUGHPUT = Metric(
    "sampling_throughput", _throughput, "higher", "sampling throughput", "",
    scale="log", unit="images/s", digits=1,
)  # fmt: skip
TRAINING_TIME = Metric(
    "training_time", _training_time, "lower", "training time", "", scale="log", unit="s", digits=1,
)  # fmt: skip
PARAMETERS = Metric(
    "parameters", _parameters, "lower", "parameters", "", scale="log", digits=0,
)  # fmt: skip
PEAK_MEMORY = Metric(
    "peak_memory", _peak_memory, "lower", "peak memory", "", scale="log", unit="MiB", digits=1,
)  # fmt: skip

METRICS = {
    metric.name: metric
    for metric in (
        MSE, PSNR, SSIM, LPIPS, FID, KID, IS, PRECISION, RECALL, DENSITY, COVERAGE, CLIP_SCORE,
        AUROC, AUPR, SAMPLING_THROUGHPUT, TRAINING_TIME, PARAMETERS, PEAK_MEMORY,
    )
}  # fmt: skip
