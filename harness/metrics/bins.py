"""NDB: in how many regions of feature space do samples lie in other proportions than the data?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy
import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric, worse_with

__all__ = ["DifferentBins", "different_bins"]

MOST = 100
IMAGES_PER_BIN = 10
REDRAWS = 1000

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DifferentBins:
    """`train_counts` and `sample_counts` (int64) say how many images are in each bin, and
    `different` (boolean) whether their proportions differ significantly.

    `share` is the share of bins that do (NDB/K), in [0, 1], with its standard error over images.
    `expected` is the share to be expected of samples that are distributed over the bins as the
    training images are: about the level of the test.
    """

    train_counts: Tensor
    sample_counts: Tensor
    different: Tensor
    share: Estimate
    expected: float


def default_bins(train: int, samples: int) -> int:
    """The number of bins for these numbers of images: the paper's 100, or what leaves the smaller
    set ten images a bin on average, below which the test's normal approximation is poor.
    """
    return min(MOST, min(train, samples) // IMAGES_PER_BIN)


@takes_arrays
def different_bins(
    train_features: Tensor,
    sample_features: Tensor,
    *,
    bins: int | None = None,
    level: float = 0.05,
    seed: int = 0,
) -> DifferentBins:
    """Compare how samples m×d and training images n×d are spread over k-means bins of the latter.

    Richardson & Weiss 2018, arXiv:1805.12462: a two-sided z-test of two proportions
    with the pooled variance in each bin, at `level`. `bins` is `default_bins` if not given.
    k-means starts once from `seed` (k-means++), on the features as they are, all of them.

    `expected` is the mean of multinomial redraws of the counts over fixed bins, from `seed`. The
    standard error is the binomial one over bins; it is not too small, since decisions that are
    not equally likely in all bins vary less.
    """
    train, samples = checks.feature_pair(train_features, sample_features, at_least=2)
    k = default_bins(len(train), len(samples)) if bins is None else bins
    smaller = min(len(train), len(samples))
    if not 2 <= k <= smaller:
        raise BadInput(f"{k} bins cannot be compared on {smaller} images; 2 bins of ten need 20")
    if not 0 < level < 1:
        raise BadInput(f"the level of a test is between 0 and 1, not {level}")
    fitted, other = _bin(train.cpu().numpy(), samples.cpu().numpy(), k, seed)
    different = _differ(fitted, other, level)
    share = float(different.mean())
    return DifferentBins(
        torch.from_numpy(fitted),
        torch.from_numpy(other),
        torch.from_numpy(different),
        checks.proportion(share, k),
        _expected(fitted, other, level, seed),
    )


def _ndb(train_features: Tensor, sample_features: Tensor) -> Estimate:
    return different_bins(train_features, sample_features).share


NDB = Metric(
    "ndb",
    _ndb,
    "lower",
    "share of statistically different bins",
    "Richardson & Weiss 2018, arXiv:1805.12462",
    kind="modes",
    settings={"bins": "min(100,n/10)", "level": 0.05, "seed": 0},
    least={"train": 2 * IMAGES_PER_BIN, "samples": 2 * IMAGES_PER_BIN},
    range=(0.0, 1.0),
    fooled_by=worse_with("noise", "blur", "dropped_modes"),
)


def _bin(
    train: Array, samples: Array, k: int, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """How many of each set are nearest to each of `k` centres of the training images."""
    from sklearn.cluster import KMeans

    if (distinct := len(np.unique(train, axis=0))) < k:
        raise BadInput(f"{k} bins cannot be made of {distinct} different training images")
    means = KMeans(k, n_init=1, max_iter=100, random_state=seed).fit(train)
    # Both are counted by the nearest centre: labels_ are those of the last step but one where
    # k-means stops before it has converged.
    fitted, other = (np.bincount(means.predict(x), minlength=k) for x in (train, samples))
    return fitted.astype(np.int64), other.astype(np.int64)


def _differ(
    a: npt.NDArray[np.int64], b: npt.NDArray[np.int64], level: float
) -> npt.NDArray[np.bool_]:
    """Whether the proportions of each bin differ; the last axis of the counts is that of bins."""
    n, m = a.sum(axis=-1, keepdims=True), b.sum(axis=-1, keepdims=True)
    pooled = (a + b) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    # A bin that is empty for both has no error, and no difference either.
    result: npt.NDArray[np.bool_] = np.abs(a / n - b / m) > scipy.stats.norm.isf(level / 2) * error
    return result


def _expected(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64], level: float, seed: int) -> float:
    """The share of different bins where both sets have the proportions of the two together."""
    n, m = a.sum(), b.sum()
    random = np.random.RandomState(seed)
    pooled = (a + b) / (n + m)
    a, b = random.multinomial(n, pooled, REDRAWS), random.multinomial(m, pooled, REDRAWS)
    return float(_differ(a, b, level).mean())
