"""piq with its defaults, where these are what their names say: PSNR, SSIM and MS-SSIM."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.evaluation.profiles.base import limited, make_profile, variant
from harness.metrics import checks, mse
from harness.metrics.averages import MeanOverImages
from harness.metrics.structural_similarity import SCALE_WEIGHTS, chunk_pairs, similarity

EPSILON = 1e-8
"""Added to the mean squared error on the [0, 1] scale: equal images have 80 dB."""


def _psnr(reconstructions: Tensor, originals: Tensor) -> Tensor:
    errors = mse(reconstructions, originals)
    return -10 * (errors + EPSILON).log10()


def _ssim(reconstructions: Tensor, originals: Tensor) -> Tensor:
    checks.image_pairs(reconstructions, originals)
    values = [_downsampled(a, b) for a, b in chunk_pairs(reconstructions, originals)]
    return torch.cat(values)


def _ms_ssim(reconstructions: Tensor, originals: Tensor) -> Tensor:
    checks.image_pairs(reconstructions, originals)
    values = [_multiscale(a, b) for a, b in chunk_pairs(reconstructions, originals)]
    return torch.cat(values)


def _downsampled(a: Tensor, b: Tensor) -> Tensor:
    """Images of some 384 pixels or more are compared at about 256."""
    factor = max(1, round(min(a.shape[-2:]) / 256))
    a, b = (F.avg_pool2d(x.double(), factor) for x in (a, b))
    return similarity(a, b).whole.mean(1)


def _multiscale(a: Tensor, b: Tensor) -> Tensor:
    a, b = a.double(), b.double()
    product = a.new_ones(a.shape[:2])
    for exponent in SCALE_WEIGHTS[:-1]:
        product *= similarity(a, b).contrast.clamp(min=0) ** exponent
        a, b = _halved(a), _halved(b)
    return (product * similarity(a, b).whole.clamp(min=0) ** SCALE_WEIGHTS[-1]).mean(1)


def _halved(x: Tensor) -> Tensor:
    """Where a side is odd, the first row and the first column are doubled first."""
    odd = max(side % 2 for side in x.shape[-2:])
    return F.avg_pool2d(F.pad(x, (odd, 0, odd, 0), mode="replicate"), 2)


WINDOW: dict[str, str | int | float] = {"window": "gaussian-11", "sigma": 1.5}

PROFILE = make_profile(
    "piq",
    "0.8.0",
    [
        variant("psnr", MeanOverImages(_psnr), epsilon=EPSILON),
        variant("ssim", MeanOverImages(_ssim), **WINDOW, downsampled="round(side/256)"),
        limited(
            variant("ms_ssim", MeanOverImages(_ms_ssim), **WINDOW, scales=5, odd="replicated"),
            smallest=161,
        ),
    ],
)
