"""torchmetrics with its defaults, and `data_range` that of 8-bit images."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.evaluation.profiles.base import (
    limited,
    make_profile,
    reported_spread,
    subset_estimate,
    variant,
)
from harness.metrics import Subsets, checks, kernel_distances, mse
from harness.metrics.averages import MeanOverImages
from harness.metrics.base import Estimate
from harness.metrics.inception_score import exp_mean_kl
from harness.metrics.structural_similarity import (
    FIVE_SCALES,
    SCALE_WEIGHTS,
    chunk_pairs,
    similarity,
)

SEED = 0
"""torchmetrics draws from torch's global generator: its numbers are these after
`torch.manual_seed(0)`, once for each metric.
"""

SPLITS = 10
RADIUS = 5


class _Permuted(Subsets):
    """Subsets as the first images of permutations by torch."""

    def draw(self, n: int, m: int) -> Iterator[tuple[Tensor, Tensor]]:
        draws = torch.Generator().manual_seed(self.seed)
        for _ in range(self.count):
            first = torch.randperm(n, generator=draws)[: self.size]
            yield first, torch.randperm(m, generator=draws)[: self.size]


SUBSETS = _Permuted(100, 1000, SEED)


def _kid(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    smaller = min(len(sample_features), len(reference_features))
    if smaller < SUBSETS.size:
        raise BadInput(f"torchmetrics draws subsets of {SUBSETS.size} images and refuses {smaller}")
    values = kernel_distances(reference_features, sample_features, SUBSETS)
    reported_spread(values, "torchmetrics", "subsets", correction=0)
    return subset_estimate(values, SUBSETS.size, smaller)


def _inception_score(sample_logits: Tensor) -> Estimate:
    """Chunks of equal size, the last of what is left: with few images there are less than 10."""
    logits = checks.matrix(sample_logits, "logits", at_least=2 * SPLITS)
    order = torch.randperm(len(logits), generator=torch.Generator().manual_seed(SEED))
    parts = logits[order.to(logits.device)].chunk(SPLITS)
    scores = torch.stack([exp_mean_kl(part) for part in parts])
    reported_spread(scores, "torchmetrics", "splits", correction=1)
    return checks.mean_over(scores, "splits")


def _psnr(reconstructions: Tensor, originals: Tensor) -> Estimate:
    """Of the mean squared error of all images, not the mean of the images' values."""
    error = checks.mean_over(mse(reconstructions, originals), "images")
    if error.value == 0:
        raise BadInput("all pairs are equal; torchmetrics gives an infinite psnr")
    # The delta method: the derivative of 10 log10 x is 10 / (x ln 10).
    stderr = error.stderr and 10 * error.stderr / (error.value * math.log(10))
    return Estimate(-10 * math.log10(error.value), stderr, error.over)


def _ssim(reconstructions: Tensor, originals: Tensor) -> Tensor:
    checks.image_pairs(reconstructions, originals)
    values = [_padded(a, b).mean(1) for a, b in chunk_pairs(reconstructions, originals)]
    return torch.cat(values)


def _ms_ssim(reconstructions: Tensor, originals: Tensor) -> Tensor:
    checks.image_pairs(reconstructions, originals)
    values = [_multiscale(a, b) for a, b in chunk_pairs(reconstructions, originals)]
    return torch.cat(values)


def _padded(a: Tensor, b: Tensor) -> Tensor:
    """SSIM, N×C, with the window at every pixel, over images mirrored at their border."""
    if min(a.shape[-2:]) <= RADIUS:
        h, w = a.shape[-2:]
        raise BadInput(f"ssim needs images of more than {RADIUS} pixels a side, not {h}×{w}")
    pad = (RADIUS,) * 4
    a, b = (torch.nn.functional.pad(x.double(), pad, mode="reflect") for x in (a, b))
    return similarity(a, b).whole


def _multiscale(a: Tensor, b: Tensor) -> Tensor:
    """The channels are averaged at each scale, before the product. Contrast is compared where the
    window lies inside the image, and the last scale's similarity also over the mirrored border.
    """
    a, b = a.double(), b.double()
    if min(a.shape[-2:]) < FIVE_SCALES:
        h, w = a.shape[-2:]
        raise BadInput(
            f"torchmetrics takes ms_ssim of at least {FIVE_SCALES} pixels a side, not {h}×{w}"
        )
    product = a.new_ones(len(a))
    for exponent in SCALE_WEIGHTS[:-1]:
        product *= similarity(a, b).contrast.mean(1).clamp(min=0) ** exponent
        a, b = (torch.nn.functional.avg_pool2d(x, 2) for x in (a, b))
    return product * _padded(a, b).mean(1).clamp(min=0) ** SCALE_WEIGHTS[-1]


WINDOW: dict[str, str | int | float] = {"window": "gaussian-11", "sigma": 1.5, "border": "mirrored"}

PROFILE = make_profile(
    "torchmetrics",
    "1.9.0",
    [
        variant("fid"),
        limited(
            variant("kid", _kid, subsets=100, subset_size=1000, degree=3, seed=SEED),
            images=SUBSETS.size,
        ),
        variant("is", _inception_score, splits="chunk(10)", seed=SEED),
        variant("psnr", _psnr, mean="errors"),
        limited(variant("ssim", MeanOverImages(_ssim), **WINDOW), smallest=RADIUS + 1),
        limited(
            variant(
                "ms_ssim",
                MeanOverImages(_ms_ssim),
                **WINDOW,
                scales=5,
                channels="averaged by scale",
            ),
            smallest=FIVE_SCALES,
        ),
        variant("lpips"),
    ],
    {"extractor": "inception:antialiased", "perceptual": "lpips:alex"},
)
