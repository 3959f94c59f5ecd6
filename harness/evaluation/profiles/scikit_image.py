"""scikit-image with its defaults: each pair's value, then the mean of the pairs."""

from __future__ import annotations

from torch import Tensor

from harness.core.errors import BadInput
from harness.evaluation.profiles.base import limited, make_profile, variant
from harness.metrics import psnr, ssim
from harness.metrics.averages import MeanOverImages


def _psnr(reconstructions: Tensor, originals: Tensor) -> Tensor:
    values = psnr(reconstructions, originals)
    if equal := int(values.isinf().sum()):
        raise BadInput(
            f"{equal} of {len(values)} pairs are equal; scikit-image gives an infinite psnr"
        )
    return values


def _ssim(reconstructions: Tensor, originals: Tensor) -> Tensor:
    """The default is a window of equal weights with the sample covariance. What scikit-image gives
    for `gaussian_weights=True, use_sample_covariance=False` is the harness's own `ssim`.
    """
    return ssim(reconstructions, originals, "uniform")


PROFILE = make_profile(
    "scikit-image",
    "0.26.0",
    [
        variant("psnr", MeanOverImages(_psnr), mean="decibels"),
        limited(
            variant("ssim", MeanOverImages(_ssim), window="uniform-7", covariance="sample"),
            smallest=7,
        ),
    ],
)
