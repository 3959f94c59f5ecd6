"""How near a reconstruction is to its original, image by image."""

from __future__ import annotations

import math
import warnings

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.averages import MeanOverImages
from harness.metrics.base import Caveat, Metric, worse_with

__all__ = ["mae", "mse", "psnr"]


@takes_arrays
def mse(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared error of each pair of images N×C×H×W on the [0, 1] scale: N float64.

    Images are uint8, or float32 in [-1, 1]; others raise BadInput.
    """
    _check_range(a, b)
    return squared_errors(a, b)


@takes_arrays
def mae(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute error of each pair of images, which are as `mse` takes them: N float64."""
    _check_range(a, b)
    return absolute_errors(a, b)


def squared_errors(reconstructions: Tensor, originals: Tensor) -> Tensor:
    """`mse`, also of float32 numbers that are no pixels, such as points in the plane, wherever they
    lie.
    """
    if reconstructions.is_floating_point() and originals.is_floating_point():
        return _differences(reconstructions, originals).square().mean(dim=1)
    return _squared_error(reconstructions, originals) / 255**2


MSE = Metric(
    "mse",
    MeanOverImages(squared_errors),
    "lower",
    "mean squared error",
    "",
    kind="reconstruction",
    scale="log",
    digits=5,
    range=(0.0, None),
    fooled_by=worse_with("noise", "blur"),
)


def absolute_errors(reconstructions: Tensor, originals: Tensor) -> Tensor:
    """`mae`, of what `squared_errors` takes."""
    if reconstructions.is_floating_point() and originals.is_floating_point():
        return _differences(reconstructions, originals).abs().mean(dim=1)
    checks.image_pairs(reconstructions, originals)
    difference = (reconstructions.short() - originals.short()).abs()
    return difference.flatten(1).sum(dim=1).double() / (255 * reconstructions[0].numel())


MAE = Metric(
    "mae",
    MeanOverImages(absolute_errors),
    "lower",
    "mean absolute error",
    "",
    kind="reconstruction",
    scale="log",
    digits=4,
    range=(0.0, None),
    fooled_by=worse_with("noise", "blur"),
)


@takes_arrays
def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each pair of uint8 images N×C×H×W, in dB: N float64.

    10 log10(255² / MSE), with the MSE over all channels; infinite where two images are equal.
    """
    return 10 * torch.log10(255**2 / _squared_error(a, b))


def finite_psnr(reconstructions: Tensor, originals: Tensor) -> Tensor:
    """`psnr`, whose mean over images (not the PSNR of their mean error) is the metric.

    An exact reconstruction counts as the best inexact one, a single value off by one: its own
    PSNR is infinite, and would make every set that has one look alike.
    """
    values = psnr(reconstructions, originals)
    ceiling = psnr_ceiling(originals[0].numel())
    say_exact(values, ceiling)
    return values.clamp(max=ceiling)


PSNR = Metric(
    "psnr",
    MeanOverImages(finite_psnr),
    "higher",
    "peak signal-to-noise ratio",
    "",
    kind="reconstruction",
    unit="dB",
    digits=2,
    of_pixels=True,
    fooled_by=worse_with("noise", "blur"),
)


def say_exact(values: Tensor, ceiling: float) -> None:
    """A caveat where some of the images' PSNRs are infinite, and count as the `ceiling`."""
    if exact := int(values.isinf().sum()):
        warnings.warn(
            f"{exact:,} of {len(values):,} pairs are equal: their PSNR is infinite, and counts as "
            f"{ceiling:.2f} dB",
            Caveat,
            stacklevel=3,
        )


def psnr_ceiling(values: int) -> float:
    """The PSNR in dB of an 8-bit image of `values` values where a single value is off by one."""
    return 10 * math.log10(255**2 * values)


def _check_range(*sets: Tensor) -> None:
    """Raise BadInput where floats are not in [-1, 1]: their error would be on another scale."""
    if not all(x.is_floating_point() and x.numel() for x in sets):
        return
    if (largest := max(float(x.abs().max()) for x in sets)) > 1:
        raise BadInput(
            f"float images reach {largest:.4g}; values from -1 to 1 are needed, or uint8 from 0 to "
            "255: for x in [0, 255] take x / 127.5 - 1"
        )


def _differences(a: Tensor, b: Tensor) -> Tensor:
    """Of float32 pairs, for which [-1, 1] is brought to [0, 1]: N×C·H·W float64."""
    checks.number_pairs(a, b)
    return (a.double() - b.double()).flatten(1) / 2


def _squared_error(a: Tensor, b: Tensor) -> Tensor:
    checks.image_pairs(a, b)
    # Differences of bytes fit into 16 bits, and their squares sum exactly in 64.
    difference = a.short() - b.short()
    return difference.long().square().flatten(1).sum(dim=1).double() / a[0].numel()
