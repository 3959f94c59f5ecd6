"""Copies of training images among samples, by a distance that held-out images calibrate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric
from harness.metrics.memorisation import nearest_neighbours

__all__ = ["NearCopies", "find_near_copies", "near_copy_share"]

RATE = 0.01
"""The share of images like the held-out ones that pass for near copies."""


@dataclass(frozen=True)
class NearCopies:
    """Of each of m samples the nearest training image (`indices`, int64), its Euclidean distance
    (float64) and the probability that an image which is like the held-out ones, and so no copy, is
    at most as far from its nearest training image (`p_values`, float64).
    """

    indices: Tensor
    distances: Tensor
    p_values: Tensor


@takes_arrays
def find_near_copies(samples: Tensor, train: Tensor, held_out: Tensor) -> NearCopies:
    """The nearest training image of each sample, and how unusual it is to be as near.

    Features m×d, n×d and h×d. With the distance of each held-out image to its own nearest training
    image, p = (1 + number of these that are at most the sample's) / (h + 1), a conformal p-value
    (Vovk et al. 2005, "Algorithmic learning in a random world", section 2.2): for a sample that is
    exchangeable with the held-out images P(p ≤ t) ≤ t, whatever the distance. No p-value is below
    1 / (h + 1).
    """
    nearest, usual = nearest_neighbours(samples, train), nearest_neighbours(held_out, train)
    distances = nearest.distances[:, 0]
    ordered = usual.distances[:, 0].sort().values.contiguous()
    nearer = torch.searchsorted(ordered, distances.contiguous(), right=True)
    p_values = (1 + nearer).double() / (len(ordered) + 1)
    return NearCopies(nearest.indices[:, 0], distances, p_values)


@takes_arrays
def near_copy_share(
    sample_features: Tensor,
    train_features: Tensor,
    reference_features: Tensor,
    rate: float = RATE,
) -> Estimate:
    """The share of samples that are nearer to a training image than all but `rate` of the held-out
    images are: `rate` or less where samples are like these. Features m×d, n×d and h×d.

    The standard error is over samples, for these real images. Raises BadInput where there are too
    few held-out images for any sample to be as unusual.
    """
    samples, train = checks.feature_pair(sample_features, train_features, at_least=1)
    held_out, _ = checks.feature_pair(reference_features, train, at_least=1)
    if rate * (len(held_out) + 1) < 1:
        raise BadInput(
            f"near copies at a rate of {rate:g} need at least {math.ceil(1 / rate) - 1} held-out "
            f"images, not {len(held_out)}"
        )
    # The least p-value that is possible must not be lost to rounding.
    is_copy = find_near_copies(samples, train, held_out).p_values <= rate * (1 + 1e-12)
    share = float(is_copy.double().mean())
    return checks.proportion(share, len(samples))


NEAR_COPY_SHARE = Metric(
    "near_copy_share",
    near_copy_share,
    "nearer",
    "share of near copies",
    "",
    kind="memorisation",
    ideal=RATE,
    settings={"rate": RATE},
    least={"samples": 1, "train": 1, "reference": 99},
    range=(0.0, 1.0),
    fooled_by={"copies": "higher"},
)
