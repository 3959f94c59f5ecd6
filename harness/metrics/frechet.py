"""The Fréchet distance between two sets of features."""

from __future__ import annotations

import math
import warnings

import torch
from torch import Tensor

from harness.metrics import checks
from harness.metrics.base import Caveat


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """The squared 2-Wasserstein distance of the Gaussians fitted to two sets of features.

    |μa − μb|² + tr Σa + tr Σb − 2 tr (Σa Σb)^½ (Dowson & Landau 1982; as a measure of
    generative models Heusel et al. 2017, arXiv:1706.08500, eq. 6), with the unbiased covariances.
    On Inception's pooled features it is the FID. `a` n×d and `b` m×d; computed in float64.

    With Σa = AᵀA and Σb = BᵀB, tr (Σa Σb)^½ is the nuclear norm of A Bᵀ: no square root of a
    matrix that is not symmetric, and no precision lost to small eigenvalues. Fewer images than
    features leave the covariances singular; the distance is then exact but far from what more
    images would give, and a warning says so.
    """
    a, b = checks.feature_pair(a, b, at_least=2)
    if (fewest := min(len(a), len(b))) <= a.shape[1]:
        warnings.warn(
            f"Fréchet distance of {a.shape[1]} features from only {fewest} images: the covariance "
            "is singular and the value depends strongly on the number of images",
            Caveat,
            stacklevel=2,
        )
    between_means = (a.mean(dim=0) - b.mean(dim=0)).square().sum()
    root_a, root_b = _covariance_root(a), _covariance_root(b)
    overlap = torch.linalg.svdvals(root_a @ root_b.T).sum()
    distance = between_means + root_a.square().sum() + root_b.square().sum() - 2 * overlap
    # Rounding can leave equal sets a hair below the zero that is meant.
    return max(float(distance), 0.0)


def _covariance_root(x: Tensor) -> Tensor:
    """R with RᵀR the unbiased covariance of the rows of `x`, of at most d rows."""
    centred = (x - x.mean(dim=0)) / math.sqrt(len(x) - 1)
    return torch.linalg.qr(centred, mode="r").R if len(x) > x.shape[1] else centred
