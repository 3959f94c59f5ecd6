"""How much of a Fréchet distance comes from the number of samples.

The distance at a part size is the mean over disjoint parts that cover the same images at every
size. So the choice of images cancels, to first order, from the difference between two sizes.
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
    """For each number in `parts`, splits n×d features in random order into that many disjoint,
    equal parts, and returns their mean distance. The remainder of n by the largest number is left
    out at every size.
    """
    order = torch.from_numpy(np.random.RandomState(SEED).permutation(len(samples)))
    kept = samples[order[: len(samples) // max(parts) * max(parts)].to(samples.device)]
    with warnings.catch_warnings():
        # The caveats of the distance of all samples need not be repeated for each part.
        warnings.simplefilter("ignore", Caveat)
        return [
            sum(frechet_distance(part, reference) for part in kept.chunk(number)) / number
            for number in parts
        ]


def fid_bias(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    """The Fréchet distance of half of the samples, the mean over both halves, less that of all.

    The bias is linear in 1/n to first order (Chong & Forsyth 2020, arXiv:1911.07023), so that this
    is about the bias that the distance of all samples has. `sample_features` n×d with n ≥ 4, and
    `reference_features` m×d.
    """
    samples, reference = checks.feature_pair(sample_features, reference_features, at_least=4)
    halves, whole = _by_parts(samples, reference, 2, 1)
    return Estimate(halves - whole)


def fid_infinity_bias_share(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    """What is left of `fid_bias` once each distance is extrapolated to endlessly many samples, as a
    share of it, without its sign.

    A distance F(n) is extrapolated along the line through F(n) and F(n/2) against 1/n, to
    2 F(n) − F(n/2). With F(n) = F∞ + a/n + b/n² the share is 6|b|/(n|a + 3b/n|). Needs eight
    samples. Raises BadInput where the distance does not change: it has no bias.
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
