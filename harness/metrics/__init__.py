"""Metrics: pure functions of tensors, and a record of what each is and needs."""

from dataclasses import replace

from harness.core.registry import Registry, instance_fault
from harness.metrics.adversary import confidence, critic_distance, jensen_shannon_bound
from harness.metrics.base import Estimate, Metric
from harness.metrics.bins import DifferentBins, different_bins
from harness.metrics.catalogue import KINDS, METRICS
from harness.metrics.clip import clip_s, clip_score, r_precision
from harness.metrics.cmmd import cmmd
from harness.metrics.detection import auroc, auroc_interval, average_precision, fpr_at_tpr
from harness.metrics.disentanglement import Dci, Forest, VoteCounts, dci, factorvae_score, mig, sap
from harness.metrics.extrapolation import (
    Extrapolation,
    SizePoint,
    frechet_by_class,
    frechet_infinity,
    sample_size_curve,
)
from harness.metrics.frechet import frechet_distance, frechet_estimate
from harness.metrics.inception_score import inception_score, inception_scores
from harness.metrics.kernel import (
    PolynomialKernel,
    RbfKernel,
    Subsets,
    kernel_distance,
    kernel_distances,
)
from harness.metrics.latent import active_units, latent_path_length
from harness.metrics.likelihood import bits_per_dimension, dequantise
from harness.metrics.memorisation import Neighbours, authpct, fid_gap, nearest_neighbours
from harness.metrics.modes import (
    exact_mode_kl,
    high_quality,
    mode_count,
    mode_kl,
    modes_covered,
)
from harness.metrics.neighbours import Prdc, PrdcEstimates, prdc, prdc_estimates
from harness.metrics.perceptual import lpips
from harness.metrics.probes import knn_accuracy, linear_probe_accuracy, retrieval_precision
from harness.metrics.reconstruction import mae, mse, psnr
from harness.metrics.segmentation import aupro, pixel_auroc
from harness.metrics.sharpness import log_sharpness_ratio, sharpness_ratio
from harness.metrics.statistics import FeatureStatistics
from harness.metrics.structural_similarity import ms_ssim, ssim
from harness.metrics.translation import colour_shift, cycle_error
from harness.metrics.vendi import vendi_score

__all__ = [
    "METRICS",
    "REGISTRY",
    "Dci",
    "DifferentBins",
    "Estimate",
    "Extrapolation",
    "FeatureStatistics",
    "Forest",
    "Metric",
    "Neighbours",
    "PolynomialKernel",
    "Prdc",
    "PrdcEstimates",
    "RbfKernel",
    "SizePoint",
    "Subsets",
    "VoteCounts",
    "active_units",
    "aupro",
    "auroc",
    "auroc_interval",
    "authpct",
    "average_precision",
    "bits_per_dimension",
    "clip_s",
    "clip_score",
    "cmmd",
    "colour_shift",
    "confidence",
    "critic_distance",
    "cycle_error",
    "dci",
    "dequantise",
    "different_bins",
    "exact_mode_kl",
    "factorvae_score",
    "fid_gap",
    "fpr_at_tpr",
    "frechet_by_class",
    "frechet_distance",
    "frechet_estimate",
    "frechet_infinity",
    "high_quality",
    "inception_score",
    "inception_scores",
    "jensen_shannon_bound",
    "kernel_distance",
    "kernel_distances",
    "knn_accuracy",
    "latent_path_length",
    "linear_probe_accuracy",
    "load_metric",
    "log_sharpness_ratio",
    "lpips",
    "mae",
    "mig",
    "mode_count",
    "mode_kl",
    "modes_covered",
    "ms_ssim",
    "mse",
    "nearest_neighbours",
    "pixel_auroc",
    "prdc",
    "prdc_estimates",
    "psnr",
    "r_precision",
    "retrieval_precision",
    "sample_size_curve",
    "sap",
    "sharpness_ratio",
    "ssim",
    "vendi_score",
]

REGISTRY = Registry(
    "metric",
    "harness.metrics",
    {m.name: f"{kind.__name__}:{m.name.upper()}" for kind in KINDS for m in kind.METRICS},
    instance_fault("a harness Metric", Metric),
)


def load_metric(name: str) -> Metric:
    """The metric called `name`, built in, of an installed package, or `package.module:NAME`.

    It goes by that name in tables, whatever the metric calls itself.
    """
    metric: Metric = REGISTRY.load(name)
    return replace(metric, name=name)
