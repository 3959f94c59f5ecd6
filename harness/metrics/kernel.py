"""The kernel distance (KID): the squared maximum mean discrepancy of two sets of features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from harness.metrics import checks
from harness.metrics.base import Estimate
from harness.spec.errors import BadInput

ROWS = 1024
"""Kernel matrices are computed in blocks of so many rows, to bound memory."""


@dataclass(frozen=True)
class Subsets:
    """`count` pairs of subsets of `size` images each, drawn without replacement from `seed`."""

    count: int = 100
    size: int = 1000
    seed: int = 2020


@dataclass(frozen=True)
class PolynomialKernel:
    """k(x, y) = (gamma x·y + coef0)^degree; gamma is 1 / the number of features if not given."""

    degree: int = 3
    gamma: float | None = None
    coef0: float = 1.0

    def __call__(self, products: Tensor, features: int) -> Tensor:
        """The kernel's values from those of x·y."""
        gamma = 1 / features if self.gamma is None else self.gamma
        return (gamma * products + self.coef0) ** self.degree


def kernel_distances(
    a: Tensor,
    b: Tensor,
    subsets: Subsets = Subsets(),
    kernel: PolynomialKernel = PolynomialKernel(),
) -> Tensor:
    """The unbiased MMD² between a random subset of `a` and one of `b`, for each pair of `subsets`.

    Bińkowski et al. 2018, "Demystifying MMD GANs", arXiv:1801.01401, section 4, with the estimator
    of Gretton et al. 2012, eq. 3. The KID is the mean of the result, which estimates without bias
    and can be negative.

    `a` n×d, `b` m×d; the result is float64. torch-fidelity draws the same subsets from the same
    seed, so that its numbers are met to rounding. Each entry of the kernel matrix is computed once
    for all subsets: a subset's sum is a product with its indicator vector.
    """
    a, b = checks.feature_pair(a, b, at_least=2)
    size, d = subsets.size, a.shape[1]
    if not 2 <= size <= min(len(a), len(b)):
        raise BadInput(f"subsets of {size} cannot be drawn from {len(a)} and {len(b)} images")
    in_a, in_b = _draw(subsets, len(a), len(b), a.device)

    def total(x: Tensor, y: Tensor, in_x: Tensor, in_y: Tensor) -> Tensor:
        """The sum of k(x, y) over the pairs of each subset."""
        sums = torch.zeros(subsets.count, dtype=torch.float64, device=x.device)
        for rows, members in zip(torch.split(x, ROWS), torch.split(in_x, ROWS), strict=True):
            sums += (members * (kernel(rows @ y.T, d) @ in_y)).sum(dim=0)
        return sums

    def total_off_diagonal(x: Tensor, in_x: Tensor) -> Tensor:
        return total(x, x, in_x, in_x) - kernel(x.square().sum(dim=1), d) @ in_x

    within = total_off_diagonal(a, in_a) + total_off_diagonal(b, in_b)
    return within / (size * (size - 1)) - 2 * total(a, b, in_a, in_b) / size**2


def kernel_distance(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    """The KID over 100 subsets of 1000 images, or of half the smaller set where that is less.

    The mean has no bias at any subset size. Its standard error is that of the delete-d jackknife
    (Shao & Wu 1989), std · √(m / (n − m)) for subsets of m out of n images, which needs
    subsets smaller than the set; where the two sets differ in size, n is the smaller (the wider
    error).
    """
    smaller = min(len(sample_features), len(reference_features))
    size = min(1000, smaller // 2)
    values = kernel_distances(sample_features, reference_features, Subsets(size=size))
    jackknife = float(values.std(correction=0)) * (size / (smaller - size)) ** 0.5
    return Estimate(float(values.mean()), jackknife, "subsets")


def _draw(subsets: Subsets, n: int, m: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Indicator matrices n×count and m×count, from NumPy's legacy generator, frozen for good."""
    random = np.random.RandomState(subsets.seed)
    in_a = torch.zeros(n, subsets.count, dtype=torch.float64)
    in_b = torch.zeros(m, subsets.count, dtype=torch.float64)
    for i in range(subsets.count):
        in_a[random.choice(n, subsets.size, replace=False), i] = 1
        in_b[random.choice(m, subsets.size, replace=False), i] = 1
    return in_a.to(device), in_b.to(device)
