"""How near a reconstruction is to its original, image by image."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from harness.metrics import checks
from harness.metrics.base import Estimate
from harness.spec.errors import BadInput

Window = Literal["gaussian", "uniform"]


def mse(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared error of each pair of uint8 images N×C×H×W, on the [0, 1] scale: N float64."""
    return _squared_error(a, b) / 255**2


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each pair of uint8 images N×C×H×W, in dB: N float64.

    10 log10(255² / MSE), with the MSE over all channels; infinite where two images are equal.
    """
    return 10 * torch.log10(255**2 / _squared_error(a, b))


def ssim(a: Tensor, b: Tensor, window: Window = "gaussian") -> Tensor:
    """Structural similarity of each pair of uint8 images N×C×H×W: N float64 in [-1, 1].

    Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity",
    eq. 13, with K1 = 0.01, K2 = 0.03 and L = 255; the mean over the channels and over every
    position at which the window lies inside the image.

    `gaussian` is the paper's window, 11×11 with σ = 1.5, and equals scikit-image's
    `structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)`.
    `uniform` is scikit-image's default: 7×7, with the sample covariance.
    """
    checks.image_pairs(a, b)
    weights, unbias = _window(window)
    if min(a.shape[-2:]) < len(weights):
        h, w = a.shape[-2:]
        raise BadInput(f"ssim needs images of at least {len(weights)} pixels a side, not {h}×{w}")
    weights = weights.to(a.device)
    pairs = zip(torch.split(a, 256), torch.split(b, 256), strict=True)
    return torch.cat([_ssim(x.double(), y.double(), weights, unbias) for x, y in pairs])


def mean_psnr(reconstructions: Tensor, originals: Tensor) -> Estimate:
    """The mean of the images' PSNRs (not the PSNR of their mean error).

    An exact reconstruction counts as the best inexact one, a single value off by one: its own
    PSNR is infinite, and would make every set that has one look alike.
    """
    values = psnr(reconstructions, originals)
    return checks.mean_over(values.clamp(max=psnr_ceiling(originals[0].numel())), "images")


def psnr_ceiling(values: int) -> float:
    """The PSNR of an 8-bit image of so many values of which a single one is off by one, in dB."""
    return 10 * math.log10(255**2 * values)


def _squared_error(a: Tensor, b: Tensor) -> Tensor:
    checks.image_pairs(a, b)
    # Differences of bytes fit into 16 bits, and their squares sum exactly in 64.
    difference = a.short() - b.short()
    return difference.long().square().flatten(1).sum(dim=1).double() / a[0].numel()


def _window(kind: Window) -> tuple[Tensor, float]:
    """The window along one axis, and the factor that makes covariances unbiased where wanted."""
    if kind == "uniform":
        return torch.full((7,), 1 / 7, dtype=torch.float64), 49 / 48
    x = torch.arange(-5, 6, dtype=torch.float64)
    weights = torch.exp(-0.5 * (x / 1.5) ** 2)
    return weights / weights.sum(), 1.0


def _sliding(weights: Tensor, size: int) -> Tensor:
    """The window's weighted means along an axis of `size`, as a matrix: as a product of matrices
    they take a tenth of the time of a convolution in float64.
    """
    matrix = weights.new_zeros(size - len(weights) + 1, size)
    for i, row in enumerate(matrix):
        row[i : i + len(weights)] = weights
    return matrix


def _ssim(a: Tensor, b: Tensor, weights: Tensor, unbias: float) -> Tensor:
    n, height, width = len(a), *a.shape[-2:]
    maps = torch.stack([a, b, a * a, b * b, a * b])
    local = _sliding(weights, height) @ maps @ _sliding(weights, width).T
    mean_a, mean_b, aa, bb, ab = local.view(5, n, -1)
    var_a, var_b = unbias * (aa - mean_a**2), unbias * (bb - mean_b**2)
    covariance = unbias * (ab - mean_a * mean_b)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity: Tensor = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    similarity /= (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return similarity.mean(dim=1)
