"""Metrics: pure functions of tensors, and a record of what each is and needs."""

from dataclasses import replace

from harness.metrics.base import Estimate, Metric
from harness.metrics.catalogue import KINDS, METRICS
from harness.metrics.clip import clip_s, clip_score, r_precision
from harness.metrics.detection import auroc, auroc_interval, average_precision, fpr_at_tpr
from harness.metrics.frechet import frechet_distance
from harness.metrics.inception_score import inception_scores
from harness.metrics.kernel import PolynomialKernel, Subsets, kernel_distance, kernel_distances
from harness.metrics.neighbours import Prdc, prdc
from harness.metrics.reconstruction import mae, mse, psnr
from harness.metrics.segmentation import aupro, pixel_auroc
from harness.metrics.sharpness import log_sharpness_ratio, sharpness_ratio
from harness.metrics.structural_similarity import ms_ssim, ssim
from harness.spec.errors import BadInput
from harness.spec.registry import Registry

__all__ = [
    "METRICS",
    "REGISTRY",
    "Estimate",
    "Metric",
    "PolynomialKernel",
    "Prdc",
    "Subsets",
    "aupro",
    "auroc",
    "auroc_interval",
    "average_precision",
    "clip_s",
    "clip_score",
    "fpr_at_tpr",
    "frechet_distance",
    "inception_scores",
    "kernel_distance",
    "kernel_distances",
    "load_metric",
    "log_sharpness_ratio",
    "mae",
    "ms_ssim",
    "mse",
    "pixel_auroc",
    "prdc",
    "psnr",
    "r_precision",
    "sharpness_ratio",
    "ssim",
]

REGISTRY = Registry(
    "metric",
    "harness.metrics",
    {m.name: f"{kind.__name__}:{m.name.upper()}" for kind in KINDS for m in kind.METRICS},
)


def load_metric(name: str) -> Metric:
    """The metric called `name`, built in, of an installed package, or `package.module:NAME`.

    It goes by that name in tables, whatever the metric calls itself.
    """
    metric = REGISTRY.load(name)
    if not isinstance(metric, Metric):
        raise BadInput(f"metric {name!r} is a {type(metric).__name__}, not a harness Metric")
    return replace(metric, name=name)
