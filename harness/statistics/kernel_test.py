"""Whether one of several draws of images comes from another distribution: a permutation test of the
kernel distance between their features.

The distance is the unbiased MMD² (Gretton et al. 2012, Journal of Machine Learning Research
13:723, eq. 3) with a Gaussian kernel whose width is the median distance. Row i of every draw has
the same condition (class or prompt), so that labels are exchanged within rows alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.statistics.power import POWER

Array = NDArray[np.float64]
Choices = NDArray[np.int64]
"""Which set each image is taken from, P×n: a row for each of P ways to choose."""

RELABELLINGS = 999
"""The number of random exchanges of labels."""
TRIALS = 200
"""The number of trials from which the power is measured."""
SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
"""The shares of replaced images for which the power is measured."""
MOST_ROWS = 1000
"""The most images of a draw that are compared: the matrix of the kernel has all pairs."""


@dataclass(frozen=True)
class KernelTest:
    """The kernel distance of a draw from the others, and its p-value. `detects` is the smallest of
    `SHARES` that is found with 80 % power where that share of its images is replaced by foreign
    ones; None where none is.
    """

    distance: float
    p: float
    detects: float | None


def kernel_test(
    draw: Array, others: Sequence[Array], foreign: Array, alpha: float, seed: int = 0
) -> KernelTest:
    """Tests `draw` against the draws in `others`, features n×d each, n of at least 2. `foreign`,
    n×d, are features of images from another distribution, with which the power at level `alpha` is
    measured.
    """
    sets = [each[:MOST_ROWS] for each in (draw, *others, foreign)]
    n, count = len(sets[0]), len(others) + 1
    kernel = _gaussian_kernel(np.concatenate(sets), slice(n * count))
    random = np.random.default_rng(seed)
    choices = random.integers(count, size=(RELABELLINGS, n))
    choices = np.concatenate([np.zeros((1, n), dtype=choices.dtype), choices])
    distances = _distances(kernel, choices, choices, count)
    p = float((distances >= distances[0] - 1e-12).mean())
    limit = float(np.quantile(distances[1:], 1 - alpha))
    return KernelTest(float(distances[0]), p, _detects(kernel, count, n, limit, random))


def _detects(
    kernel: Array, count: int, n: int, limit: float, random: np.random.Generator
) -> float | None:
    """The smallest share of foreign images whose distance is above `limit` in 8 of 10 trials."""

    def is_found(share: float) -> bool:
        choices = random.integers(count, size=(TRIALS, n))
        replaced = random.random((TRIALS, n)).argsort(axis=1) < max(1, round(share * n))
        made = np.where(replaced, count, choices)
        return bool((_distances(kernel, made, choices, count) > limit).mean() >= POWER)

    first = bisect_left(SHARES, x=True, key=is_found)
    return SHARES[first] if first < len(SHARES) else None


def _distances(kernel: Array, chosen: Choices, left_out: Choices, count: int) -> Array:
    """The unbiased MMD² for each of P ways to choose: row p of `chosen` (P×n) says from which of
    the sets each image comes, and the rest are all images of the first `count` sets but those in
    `left_out`.
    """
    n = chosen.shape[1]
    inside, rest = _members(chosen, len(kernel)), 1 - _members(left_out, len(kernel))
    rest[n * count :] = 0
    others = n * (count - 1)
    by_inside, by_rest = kernel @ inside, kernel @ rest
    within = ((inside * by_inside).sum(axis=0) - n) / (n * (n - 1))
    among = ((rest * by_rest).sum(axis=0) - others) / (others * (others - 1))
    between = (rest * by_inside).sum(axis=0) / (n * others)
    distances: Array = within + among - 2 * between
    return distances


def _members(chosen: Choices, rows: int) -> Array:
    """Indicators rows×P of the images that each row of `chosen` takes."""
    ways, n = chosen.shape
    members = np.zeros((rows, ways))
    members[chosen * n + np.arange(n), np.arange(ways)[:, None]] = 1
    return members


def _gaussian_kernel(features: Array, draws: slice) -> Array:
    """The kernel of all pairs; its width is the median distance within the draws, which does not
    depend on their labels.
    """
    centred = features - features.mean(axis=0)
    lengths = (centred**2).sum(axis=1)
    squares = np.maximum(lengths[:, None] + lengths - 2 * centred @ centred.T, 0)
    np.fill_diagonal(squares, 0)
    positive = squares[draws, draws]
    positive = positive[positive > 0]
    width = float(np.median(positive)) if positive.size else float(squares.max()) or 1.0
    kernel: Array = np.exp(-squares / width)
    return kernel
