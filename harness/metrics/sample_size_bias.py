"""How much of a Fréchet distance comes from the number of samples.

Distances of parts of the samples are means over disjoint parts: each image is in one part of each
size, so that which images they are cancels to first order in what the sizes differ by.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.base import Caveat, Estimate, Metric
from harness.metrics.frechet import frechet_distance

SEED = 2020


def _by_parts(samples: Tensor, reference: Tensor, *parts: int) -> list[float]:
    """For each number of parts, the mean distance of so many disjoint, equal parts of n×d features
    in random order; what remains of n after parts of the smallest size is left out of all.
    """
    order = torch.from_numpy(np.random.RandomState(SEED).permutation(len(samples)))
    kept = samples[order[: len(samples) // max(parts) * max(parts)].to(samples.device)]
    with warnings.catch_warnings():
        # What is said of the distance of all samples need not be said again of each part.
        warnings.simplefilter("ignore", Caveat)
        return [
            sum(frechet_distance(part, reference) for part in kept.chunk(number)) / number
            for number in parts
        ]


def fid_bias(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    """The Fréchet distance of half of the samples, the mean over both halves, less that of all.

    The bias is linear in 1/n to first order (Chong & Forsyth 2020, arXiv:1911.07023), so that this
    is about the bias that the distance of all samples has. `sample_features` n×d, of which at least
    four, and `reference_features` m×d.
    """
    samples, reference = checks.feature_pair(sample_features, reference_features, at_least=4)
    halves, whole = _by_parts(samples, reference, 2, 1)
    return Estimate(halves - whole)


def fid_infinity_bias_share(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    """What is left of `fid_bias` once each distance is extrapolated to endlessly many samples, as a
    share of it, without its sign.

    A distance F(n) is extrapolated along the line through F(n) and F(n/2) against 1/n, to
    2 F(n) − F(n/2). With F(n) = F∞ + a/n + b/n² the share is 6|b|/(n|a + 3b/n|). Needs eight
    samples. Raises BadInput where the distance does not change, of which there is no share.
    """
    samples, reference = checks.feature_pair(sample_features, reference_features, at_least=8)
    quarters, halves, whole = _by_parts(samples, reference, 4, 2, 1)
    if halves == whole:
        raise BadInput("the distance of half of the samples is that of all: it has no bias")
    left = (2 * halves - quarters) - (2 * whole - halves)
    return Estimate(abs(left / (halves - whole)))


FID_BIAS = Metric(
    "fid_bias",
    fid_bias,
    "neither",
    "Fréchet distance of half of the samples less that of all",
    "Chong & Forsyth 2020, arXiv:1911.07023",
    kind="distribution",
    digits=2,
    settings={"seed": SEED},
    least={"samples": 4, "reference": 2},
)
FID_INFINITY_BIAS_SHARE = Metric(
    "fid_infinity_bias_share",
    fid_infinity_bias_share,
    "neither",
    "share of the Fréchet distance's bias that extrapolation leaves",
    "Chong & Forsyth 2020, arXiv:1911.07023",
    kind="distribution",
    digits=2,
    settings={"seed": SEED},
    least={"samples": 8, "reference": 2},
)
