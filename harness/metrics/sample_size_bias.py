"""How much of a Fréchet distance comes from the number of samples."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.base import Estimate, Metric
from harness.metrics.extrapolation import frechet_infinity
from harness.metrics.frechet import frechet_distance

SEED = 2020


def _halves(samples: Tensor) -> tuple[Tensor, Tensor]:
    """The two halves of n×d features in random order; an odd one is left out."""
    order = torch.from_numpy(np.random.RandomState(SEED).permutation(len(samples)))
    half = len(samples) // 2
    return samples[order[:half]], samples[order[half : 2 * half]]


def fid_bias(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    """The Fréchet distance of half of the samples less that of all of them: the mean over the two
    halves.

    The bias is linear in 1/n to first order (Chong & Forsyth 2020, arXiv:1911.07023), so that this
    is about the bias that is left in the distance of all samples. Needs four samples.
    """
    samples, reference = checks.feature_pair(sample_features, reference_features, at_least=4)
    halves = [frechet_distance(half, reference) for half in _halves(samples)]
    return Estimate(sum(halves) / 2 - frechet_distance(samples, reference))


def fid_infinity_bias_share(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    """What is left of `fid_bias` once the distances are extrapolated to endlessly many samples, as
    a share of it, without its sign.

    Raises BadInput where the distance itself does not change, of which there is no share.
    """
    samples, reference = checks.feature_pair(sample_features, reference_features, at_least=22)
    halves = [frechet_infinity(half, reference).estimate.value for half in _halves(samples)]
    left = sum(halves) / 2 - frechet_infinity(samples, reference).estimate.value
    if (bias := fid_bias(samples, reference).value) == 0:
        raise BadInput("the distance of half of the samples is that of all: it has no bias")
    return Estimate(abs(left / bias))


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
    settings={"points": 6, "seed": SEED},
    least={"samples": 22, "reference": 2},
)
