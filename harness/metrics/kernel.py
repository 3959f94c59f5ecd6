"""The kernel distance (KID): the squared maximum mean discrepancy of two sets of features."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from harness.metrics import checks
from harness.metrics.base import Estimate
from harness.metrics.products import block_dtype
from harness.spec.errors import BadInput

ROWS = 512
"""Kernel matrices are computed in blocks of so many rows, to bound memory."""


@dataclass(frozen=True)
class Subsets:
    """`count` pairs of subsets of `size` images each, drawn without replacement from `seed`."""

    count: int = 100
    size: int = 1000
    seed: int = 2020

    def draw(self, n: int, m: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The rows of each pair out of `n` and `m`; NumPy's legacy generator is frozen."""
        random = np.random.RandomState(self.seed)
        for _ in range(self.count):
            rows = (random.choice(k, self.size, replace=False) for k in (n, m))
            first, second = map(torch.from_numpy, rows)
            yield first, second


class Kernel(Protocol):
    """A positive definite kernel of features."""

    def __call__(self, products: Tensor, squares: tuple[Tensor, Tensor], features: int) -> Tensor:
        """k(x, y) for all pairs, n×m, of float64 x·y (n×m), |x|² (n) and |y|² (m)."""


@dataclass(frozen=True)
class PolynomialKernel:
    """k(x, y) = (gamma x·y + coef0)^degree; gamma is 1 / the number of features if not given."""

    degree: int = 3
    gamma: float | None = None
    coef0: float = 1.0

    def __call__(self, products: Tensor, squares: tuple[Tensor, Tensor], features: int) -> Tensor:
        """Its values, n×m: see `Kernel`."""
        gamma = 1 / features if self.gamma is None else self.gamma
        return products.mul(gamma).add_(self.coef0).pow_(self.degree)


@dataclass(frozen=True)
class RbfKernel:
    """k(x, y) = exp(−|x − y|² / (2 sigma²)), sigma in units of the features.

    Unlike the polynomial one it is characteristic: it tells any two distributions apart, given
    images enough. sigma has to fit the features' distances; 10 is torch-fidelity's, for Inception.
    """

    sigma: float = 10.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sigma) and self.sigma > 0):
            raise BadInput(f"the RBF kernel's sigma must be positive, not {self.sigma}")

    def __call__(self, products: Tensor, squares: tuple[Tensor, Tensor], features: int) -> Tensor:
        """Its values, n×m: see `Kernel`."""
        distances = products.mul(-2).add_(squares[0][:, None]).add_(squares[1])
        return distances.mul_(-0.5 / self.sigma**2).exp_()


def kernel_distances(
    a: Tensor,
    b: Tensor,
    subsets: Subsets = Subsets(),
    kernel: Kernel = PolynomialKernel(),
) -> Tensor:
    """The unbiased MMD² between a random subset of `a` and one of `b`, for each pair of `subsets`.

    Bińkowski et al. 2018, "Demystifying MMD GANs", arXiv:1801.01401, section 4, with the estimator
    of Gretton et al. 2012, eq. 3. The KID is the mean of the result, which estimates without bias
    and can be negative.

    `a` n×d, `b` m×d; the result is float64. torch-fidelity draws the same subsets from the same
    seed, so that its numbers are met to rounding. Each entry of the kernel matrix is computed once
    for all subsets: a subset's sum is a product with its indicator vector.

    On a CPU the products x·y are summed in float32 about the common mean, whose part is added in
    float64: their errors are random, of some 1e-8 of the features' variance, and average out over
    a subset's pairs. All else is float64.
    """
    a, b = checks.feature_pair(a, b, at_least=2)
    size = subsets.size
    if not 2 <= size <= min(len(a), len(b)):
        raise BadInput(f"subsets of {size} cannot be drawn from {len(a)} and {len(b)} images")
    in_a, in_b = _members(subsets, len(a), len(b), a.device)
    centre = (a.mean(dim=0) + b.mean(dim=0)) / 2
    side_a, side_b = (_Side.of(x, centre, members) for x, members in ((a, in_a), (b, in_b)))
    within = _within(side_a, kernel) + _within(side_b, kernel)
    return within / (size * (size - 1)) - 2 * _between(side_a, side_b, kernel) / size**2


@dataclass(frozen=True, eq=False)
class _Side:
    """A set of features: x − c n×d in the dtype of blocks; c·x − |c|²/2 and |x|² (n) in float64;
    and the indicators of its subsets, n×count.

    x·y = (x − c)·(y − c) + (c·x − |c|²/2) + (c·y − |c|²/2).
    """

    centred: Tensor
    offsets: Tensor
    squares: Tensor
    members: Tensor

    @classmethod
    def of(cls, x: Tensor, centre: Tensor, members: Tensor) -> _Side:
        centred = (x - centre).to(block_dtype(x.device))
        offsets = x @ centre - centre @ centre / 2
        return cls(centred, offsets, x.square().sum(dim=1), members)

    def __getitem__(self, rows: slice) -> _Side:
        return _Side(self.centred[rows], self.offsets[rows], self.squares[rows], self.members[rows])

    def blocks(self) -> Iterator[tuple[int, _Side]]:
        """Parts of `ROWS` rows, each with the number of its first row."""
        for start in range(0, len(self.centred), ROWS):
            yield start, self[start : start + ROWS]


def _values(x: _Side, y: _Side, kernel: Kernel) -> Tensor:
    products = (x.centred @ y.centred.T).double()
    products += x.offsets[:, None]
    products += y.offsets
    return kernel(products, (x.squares, y.squares), x.centred.shape[1])


def _between(x: _Side, y: _Side, kernel: Kernel) -> Tensor:
    """The sum of k(x, y) over the pairs of each subset."""
    sums = [
        (part.members * (_values(part, y, kernel) @ y.members)).sum(dim=0) for _, part in x.blocks()
    ]
    return torch.stack(sums).sum(dim=0)


def _within(x: _Side, kernel: Kernel) -> Tensor:
    """The sum of k(x, x′) over the ordered pairs of two images of each subset.

    The matrix is symmetric: of a block of rows, only what is not left of the diagonal is computed,
    and what is right of the diagonal block counts twice.
    """
    sums = torch.zeros(x.members.shape[1], dtype=torch.float64, device=x.members.device)
    for start, part in x.blocks():
        others = x[start:]
        values = _values(part, others, kernel)
        values.fill_diagonal_(0)
        weights = 2 * others.members
        weights[: len(part.members)] /= 2
        sums += (part.members * (values @ weights)).sum(dim=0)
    return sums


def kernel_distance(
    sample_features: Tensor, reference_features: Tensor, kernel: Kernel = PolynomialKernel()
) -> Estimate:
    """The KID over 100 subsets of 1000 images, or of half the smaller set where that is less.

    The mean has no bias at any subset size. Its standard error is that of the delete-d jackknife
    (Shao & Wu 1989), std · √(m / (n − m)) for subsets of m out of n images, which needs
    subsets smaller than the set; where the two sets differ in size, n is the smaller (the wider
    error).
    """
    smaller = min(len(sample_features), len(reference_features))
    size = min(1000, smaller // 2)
    values = kernel_distances(sample_features, reference_features, Subsets(size=size), kernel)
    jackknife = float(values.std(correction=0)) * (size / (smaller - size)) ** 0.5
    return Estimate(float(values.mean()), jackknife, "subsets")


def _members(subsets: Subsets, n: int, m: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Indicator matrices n×count and m×count."""
    in_a = torch.zeros(n, subsets.count, dtype=torch.float64)
    in_b = torch.zeros(m, subsets.count, dtype=torch.float64)
    for i, (rows_a, rows_b) in enumerate(subsets.draw(n, m)):
        in_a[rows_a, i] = 1
        in_b[rows_b, i] = 1
    return in_a.to(device), in_b.to(device)
