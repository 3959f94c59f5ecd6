"""How near reconstructions are to their originals."""

from __future__ import annotations

from torch import Tensor

from harness.metrics import checks, reconstruction, structural_similarity
from harness.metrics.base import Estimate, Metric
from harness.metrics.sharpness import CUTOFF, SMALLEST, log_sharpness_ratio


def _mse(reconstructions: Tensor, originals: Tensor) -> Estimate:
    return checks.mean_over(reconstruction.squared_errors(reconstructions, originals), "images")


def _mae(reconstructions: Tensor, originals: Tensor) -> Estimate:
    return checks.mean_over(reconstruction.absolute_errors(reconstructions, originals), "images")


def _ssim(reconstructions: Tensor, originals: Tensor) -> Estimate:
    return checks.mean_over(structural_similarity.ssim(reconstructions, originals), "images")


def _ms_ssim(reconstructions: Tensor, originals: Tensor) -> Estimate:
    return checks.mean_over(structural_similarity.ms_ssim(reconstructions, originals), "images")


def _lpips(perceptual_distances: Tensor) -> Estimate:
    distances = checks.vector(perceptual_distances, "perceptual distances")
    return checks.mean_over(distances, "images")


def _sharpness(reconstructions: Tensor, originals: Tensor) -> Estimate:
    """Below 0 where reconstructions are blurrier than the originals, above 0 where noisier."""
    return log_sharpness_ratio(reconstructions, originals, paired=True)


MSE = Metric(
    "mse", _mse, "lower", "mean squared error", "", scale="log", digits=5,
)  # fmt: skip
MAE = Metric(
    "mae", _mae, "lower", "mean absolute error", "", scale="log", digits=4,
)  # fmt: skip
PSNR = Metric(
    "psnr", reconstruction.mean_psnr, "higher", "peak signal-to-noise ratio", "",
    unit="dB", digits=2, of_pixels=True,
)  # fmt: skip
SSIM = Metric(
    "ssim", _ssim, "higher", "structural similarity", "Wang et al. 2004",
    settings={"window": "gaussian-11", "sigma": 1.5}, of_pixels=True,
    smallest=structural_similarity.WINDOW,
)  # fmt: skip
MS_SSIM = Metric(
    "ms_ssim", _ms_ssim, "higher", "multi-scale structural similarity", "Wang et al. 2003",
    settings={"window": "gaussian-11", "sigma": 1.5, "scales": 5}, of_pixels=True,
    smallest=structural_similarity.FIVE_SCALES,
)  # fmt: skip
LPIPS = Metric(
    "lpips", _lpips, "lower", "perceptual distance", "Zhang et al. 2018, arXiv:1801.03924",
    scale="log", digits=4,
)  # fmt: skip

RECONSTRUCTION_SHARPNESS = Metric(
    "reconstruction_sharpness", _sharpness, "nearer", "sharpness relative to the originals'", "",
    ideal=0.0, settings={"from_cycles_per_pixel": CUTOFF, "window": "hann"}, of_pixels=True,
    of_detail=True, smallest=SMALLEST,
)  # fmt: skip

METRICS = (MSE, MAE, PSNR, SSIM, MS_SSIM, LPIPS, RECONSTRUCTION_SHARPNESS)
