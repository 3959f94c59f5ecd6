"""MiFID: a Fréchet distance that copies of training images make larger."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric, worse_with
from harness.metrics.frechet import frechet_influences

__all__ = ["memorisation_informed_fid"]

THRESHOLD = 0.1
"""From this mean distance on nothing is divided, τ of the paper: that of Kaggle's competition."""
SMALLEST = 1e-14
"""Added to the distance, ε of the paper, so that copies alone do not divide by zero."""
ENTRIES = 2**24
"""The most cosines computed at a time, to bound memory."""


@takes_arrays
def memorisation_informed_fid(
    sample_features: Tensor,
    reference_features: Tensor,
    train_features: Tensor,
    threshold: float = THRESHOLD,
) -> Estimate:
    """The Fréchet distance of samples s×d to test images m×d, divided by their memorisation
    distance to the training images n×d where that is below `threshold`.

    MiFID of Bai et al. 2021, arXiv:2106.03062: the memorisation distance is the mean over samples
    of the least 1 − |cos| to a training image; 1e-14 is added to it. With the training images as
    the reference too it is what the competition's code computes. The standard error is the
    infinitesimal jackknife's, over samples and test images, for these training images. Raises
    BadInput for features that are all zero, which have no direction.
    """
    samples, reference = checks.feature_pair(sample_features, reference_features, at_least=2)
    train, _ = checks.feature_pair(train_features, samples, at_least=1)
    apart = least_cosine_distances(samples, train)
    fid, by_samples, by_reference = frechet_influences(samples, reference)
    distance = float(apart.mean())
    if distance < threshold:
        divisor = distance + SMALLEST
        by_samples = by_samples / divisor - fid / divisor**2 * (apart - distance)
        by_reference = by_reference / divisor
        fid /= divisor
    variance = sum(float(x.var()) / len(x) for x in (by_samples, by_reference))
    return Estimate(fid, math.sqrt(variance), "images")


def least_cosine_distances(samples: Tensor, train: Tensor) -> Tensor:
    """1 − |cos| of each sample s×d to the training image n×d in the most similar direction, or the
    opposite one: s float64, from 0 to 1.
    """
    directions = checks.unit_rows(train, "features").T
    rows = torch.split(checks.unit_rows(samples, "features"), max(1, ENTRIES // len(train)))
    return torch.cat([1 - (part @ directions).abs().amax(dim=1).clamp(max=1) for part in rows])


MIFID = Metric(
    "mifid",
    memorisation_informed_fid,
    "lower",
    "memorisation-informed Fréchet distance",
    "Bai et al. 2021, arXiv:2106.03062",
    kind="memorisation",
    scale="log",
    digits=2,
    settings={"threshold": THRESHOLD},
    least={"samples": 2, "reference": 2, "train": 1},
    range=(0.0, None),
    fooled_by=worse_with("noise", "blur", "dropped_modes", "copies"),
)
