"""The kernel distance (KID): the squared maximum mean discrepancy of two sets of features."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric, both, worse_with
from harness.metrics.products import TILE, block_dtype, dot_products, tiles

__all__ = [
    "MultiquadricKernel",
    "PolynomialKernel",
    "RbfKernel",
    "Subsets",
    "kernel_distance",
    "kernel_distances",
]


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


@dataclass(frozen=True)
class Argument:
    """What a kernel is a function of: constant + product · x·y + square · (|x|² + |y|²), with a
    positive product.
    """

    constant: float
    product: float
    square: float


class Kernel(Protocol):
    """A positive definite kernel k(t) of two images' features, t their `Argument`."""

    def argument(self, features: int) -> Argument:
        """The coefficients of t, for images of `features` features."""

    def deviations(self, t: Tensor, around: float) -> Tensor:
        """k(around + t) − k(around), to the rounding of its own size; may overwrite `t`."""


@dataclass(frozen=True)
class PolynomialKernel:
    """k(x, y) = (gamma x·y + coef0)^degree; gamma is 1 / the number of features if not given."""

    degree: int = 3
    gamma: float | None = None
    coef0: float = 1.0

    def __post_init__(self) -> None:
        if self.degree < 1:
            raise BadInput(f"the polynomial kernel's degree is {self.degree}; it is at least 1")
        if self.gamma is not None and not (math.isfinite(self.gamma) and self.gamma > 0):
            raise BadInput(f"the polynomial kernel's gamma must be positive, not {self.gamma}")

    def argument(self, features: int) -> Argument:
        """t = gamma x·y + coef0."""
        return Argument(self.coef0, 1 / features if self.gamma is None else self.gamma, 0)

    def deviations(self, t: Tensor, around: float) -> Tensor:
        """The binomial expansion of (around + t)^degree less its first term, by Horner's rule."""
        values = t.clone()
        for power in range(self.degree - 1, 0, -1):
            coefficient = math.comb(self.degree, power) * around ** (self.degree - power)
            values.add_(coefficient).mul_(t)
        return values


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

    def argument(self, features: int) -> Argument:
        """t = −|x − y|² / (2 sigma²)."""
        return Argument(0, 1 / self.sigma**2, -0.5 / self.sigma**2)

    def deviations(self, t: Tensor, around: float) -> Tensor:
        """exp(around + t) − exp(around)."""
        if around > -1:  # where the kernel may vary too little to be subtracted
            return t.expm1_().mul_(math.exp(around))
        return t.add_(around).exp_().sub_(math.exp(around))


@dataclass(frozen=True)
class MultiquadricKernel:
    """k(x, y) = Σ_s C/(C + |x − y|²) over the `scales` s, with C = 2·d·s for d features an image:
    the inverse multiquadratic kernel of Tolstikhin et al. 2018, arXiv:1711.01558, section 4, for
    features that should be standard Gaussian numbers. The scales are from the authors' code.
    """

    scales: tuple[float, ...] = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

    def argument(self, features: int) -> Argument:
        """t = −|x − y|² / (2 d)."""
        return Argument(0, 1 / features, -0.5 / features)

    def deviations(self, t: Tensor, around: float) -> Tensor:
        """Σ_s s·t / ((s − around)(s − around − t)), k(t) being Σ_s s/(s − t)."""
        total = torch.zeros_like(t)
        for scale in self.scales:
            total.add_(t / (scale - around - t), alpha=scale / (scale - around))
        return total


@takes_arrays
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

    On a CPU the entries are computed in float32, less what they have in common (the features'
    centre, and a constant, which changes no MMD), and summed in float64. Rounding is of some 1e-7
    of how entries vary, and most of it averages out over a subset's pairs.
    """
    a, b = checks.feature_pair(a, b, at_least=2)
    size = subsets.size
    if not 2 <= size <= min(len(a), len(b)):
        raise BadInput(f"subsets of {size} cannot be drawn from {len(a)} and {len(b)} images")
    sides, centred = _sides(a, b, kernel)
    (side_a, side_b), (in_a, in_b) = sides, _members(subsets, len(a), len(b), a.device)
    within = sum(_sums(x, x, of, of, centred) for x, of in ((side_a, in_a), (side_b, in_b)))
    between = _sums(side_a, side_b, in_a, in_b, centred)
    return within / (size * (size - 1)) - 2 * between / size**2


@dataclass(frozen=True, eq=False)
class _Side:
    """A set of features n×d about the common centre, scaled so that products of two are the
    kernel's, and the part of the kernel's argument that is each image's own (n), about their mean;
    in tiles of rows, in the dtype of blocks.
    """

    centred: list[Tensor]
    own: list[Tensor]


@dataclass(frozen=True)
class _Centred:
    """A kernel of what sides hold: its values less that `around` a common argument."""

    kernel: Kernel
    around: float

    def values(self, x: _Side, i: int, y: _Side, j: int) -> Tensor:
        """Those of all pairs of tile i of `x` and tile j of `y`, float64."""
        arguments = dot_products(x.centred[i], y.centred[j], y.own[j]).add_(x.own[i][:, None])
        return self.kernel.deviations(arguments, self.around).double()


def _sides(a: Tensor, b: Tensor, kernel: Kernel) -> tuple[list[_Side], _Centred]:
    """The two sets of features, and the kernel of what they are made to hold.

    x·y = (x − c)·(y − c) + (c·x − |c|²/2) + (c·y − |c|²/2), of which all but the first are x's and
    y's own; so are their squares.
    """
    argument = kernel.argument(a.shape[1])
    centre = (a.mean(dim=0) + b.mean(dim=0)) / 2
    squares = torch.cat([torch.linalg.vector_norm(x, dim=1).square() for x in (a, b)])
    offsets = torch.cat([x @ centre for x in (a, b)]) - centre @ centre / 2
    values = argument.product * offsets + argument.square * squares
    mean = values.mean()
    values -= mean
    around = argument.constant + 2 * float(mean)
    from_centre = squares - 2 * offsets  # |x − c|²
    reach = argument.product * from_centre.max() + 2 * values.abs().max() + abs(around)
    dtype = _dtype(kernel, reach)
    scale = math.sqrt(argument.product)
    sides = []
    for x, part in zip((a, b), torch.split(values, [len(a), len(b)]), strict=True):
        centred = ((rows - centre).mul_(scale).to(dtype) for rows in torch.split(x, TILE))
        sides.append(
            _Side([t for c in centred for t in tiles(c)], list(torch.split(part.to(dtype), TILE)))
        )
    return sides, _Centred(kernel, around)


def _dtype(kernel: Kernel, reach: Tensor) -> torch.dtype:
    """That of blocks: float64 where values of the kernel, with an argument up to `reach`, would be
    too large or too small for float32.
    """
    largest = float(kernel.deviations(-reach, 0.0).abs())
    return block_dtype(reach.device) if 1e-24 < largest < 1e24 else torch.float64


def _sums(x: _Side, y: _Side, in_x: Tensor, in_y: Tensor, kernel: _Centred) -> Tensor:
    """The sum over the pairs (x, y) of each subset; over the ordered pairs of two images if the
    sides are one: their matrix is symmetric, and only what is right of its diagonal is summed.
    """
    sums = torch.zeros(in_x.shape[1], dtype=torch.float64, device=in_x.device)
    for i, members_x in enumerate(torch.split(in_x, TILE)):
        of_rows = torch.zeros_like(members_x)
        for j, members_y in enumerate(torch.split(in_y, TILE)):
            if x is y and j < i:
                continue
            values = kernel.values(x, i, y, j)
            if x is y and i == j:
                values.triu_(1)
            of_rows.addmm_(values, members_y)
        sums += of_rows.mul_(members_x).sum(dim=0)
    return 2 * sums if x is y else sums


@takes_arrays
def kernel_distance(
    sample_features: Tensor,
    reference_features: Tensor,
    kernel: Kernel = PolynomialKernel(),
    size: int | None = None,
) -> Estimate:
    """The KID over 100 subsets of `size` images; if that is not given of 1000, or of half the
    smaller set where that is less.

    The mean has no bias at any subset size. Its standard error is that of the delete-d jackknife
    (Shao & Wu 1989), std · √(m / (n − m)) for subsets of m out of n images, which needs
    subsets smaller than the set; where the two sets differ in size, n is the smaller (the wider
    error).
    """
    smaller = min(len(sample_features), len(reference_features))
    size = size or min(1000, smaller // 2)
    values = kernel_distances(sample_features, reference_features, Subsets(size=size), kernel)
    if size == smaller:  # each subset of that side is the whole
        return Estimate(float(values.mean()))
    jackknife = float(values.std(correction=0)) * (size / (smaller - size)) ** 0.5
    return Estimate(float(values.mean()), jackknife, "subsets")


KID = Metric(
    "kid",
    kernel_distance,
    "lower",
    "kernel distance",
    "Bińkowski et al. 2018, arXiv:1801.01401",
    kind="distribution",
    scale="log",
    digits=5,
    settings={"subsets": 100, "subset_size": "min(1000,n/2)", "degree": 3, "seed": 2020},
    least=both(4),
    fooled_by=worse_with("noise", "blur", "dropped_modes"),
)
KID_RBF = Metric(
    "kid_rbf",
    partial(kernel_distance, kernel=RbfKernel()),
    "lower",
    "kernel distance by a Gaussian kernel",
    "Gretton et al. 2012",
    kind="distribution",
    scale="log",
    digits=5,
    settings={"subsets": 100, "subset_size": "min(1000,n/2)", "sigma": 10.0, "seed": 2020},
    least=both(4),
    fooled_by=worse_with("noise", "blur", "dropped_modes"),
)


def _members(subsets: Subsets, n: int, m: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Indicator matrices n×count and m×count."""
    in_a = torch.zeros(n, subsets.count, dtype=torch.float64)
    in_b = torch.zeros(m, subsets.count, dtype=torch.float64)
    for i, (rows_a, rows_b) in enumerate(subsets.draw(n, m)):
        in_a[rows_a, i] = 1
        in_b[rows_b, i] = 1
    return in_a.to(device), in_b.to(device)
