"""Disentanglement, completeness and informativeness of codes, by the forests that read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np
import scipy
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric
from harness.metrics.factor_codes import Floats, Ints, arrays, estimate_of, test_arrays

__all__ = ["Dci", "Forest", "dci"]

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

GROUPS = 10
"""Disjoint parts of the training images, for the standard errors."""


@dataclass(frozen=True)
class Forest:
    """A random forest of `trees` trees grown from `seed`, in which no leaf has fewer than `leaf`
    images: deeper trees spread importance over noise.
    """

    trees: int = 50
    leaf: int = 5
    seed: int = 0


@dataclass(frozen=True)
class Dci:
    """The three qualities of Eastwood & Williams, each from 0 to 1."""

    disentanglement: Estimate
    completeness: Estimate
    informativeness: Estimate


@takes_arrays
def dci(
    train_codes: Tensor,
    train_factors: Tensor,
    test_codes: Tensor,
    test_factors: Tensor,
    forest: Forest = Forest(),
) -> Dci:
    """Disentanglement, completeness and informativeness.

    Eastwood & Williams 2018, "A framework for the quantitative evaluation of disentangled
    representations", section 2. R_ij is the importance of dimension i for predicting factor j.
    Disentanglement: 1 less the entropy (to base F) of each row of R, averaged with the rows' sums
    as weights. Completeness: 1 less the entropy (to base d) of each column, averaged.
    Informativeness: the mean accuracy of the predictions of the test factors.

    The predictor is a random forest, one of the paper's two, here as a classifier; importance is
    the decrease of Gini impurity.

    The standard errors of the first two are over fresh draws of the training images, by random
    groups (Wolter 2007, ch. 2): forests are grown for each of 10 disjoint parts, and the error is
    the standard deviation of the parts' numbers / √10. In simulations it was 1.2 to 1.4 times the
    true one, as forests of few images vary more than in proportion. None where a part would have
    fewer than ten leaves' images.
    """
    x, y = arrays(train_codes, train_factors, "training ")
    x_test, y_test = test_arrays(test_codes, test_factors, y, x.shape[1])
    if y.shape[1] < 2:
        raise BadInput("disentanglement needs at least 2 factors; there is 1")
    models = _forests(x, y, forest)
    hits = [model.predict(x_test) == truth for model, truth in zip(models, y_test.T, strict=True)]
    accuracy = np.mean(hits, axis=0)
    disentanglement, completeness = map(Estimate, _concentrations(_importance(models)))
    if len(x) >= GROUPS * 10 * forest.leaf:
        estimates = disentanglement, completeness
        disentanglement, completeness = _with_errors(x, y, forest, estimates)
    return Dci(disentanglement, completeness, estimate_of(float(accuracy.mean()), accuracy))


def _with_errors(
    x: Floats, y: Ints, forest: Forest, estimates: Sequence[Estimate]
) -> list[Estimate]:
    """Disentanglement and completeness with their errors, by random groups of training images."""
    order = np.random.default_rng(forest.seed).permutation(len(x))
    of_groups = [
        _concentrations(_importance(_forests(x[group], y[group], forest)))
        for group in np.array_split(order, GROUPS)
    ]
    errors = np.std(of_groups, axis=0, ddof=1) / math.sqrt(GROUPS)
    return [
        replace(estimate, stderr=float(error), over="images")
        for estimate, error in zip(estimates, errors, strict=True)
    ]


@lru_cache(maxsize=1)
def _shared_dci(
    train_codes: Tensor, train_factors: Tensor, test_codes: Tensor, test_factors: Tensor
) -> Dci:
    """`dci`, kept for the three metrics that are made of it. Tensors are compared by identity:
    evidence is never written to once it is computed.
    """
    return dci(train_codes, train_factors, test_codes, test_factors)


def _quality(
    train_codes: Tensor,
    train_factors: Tensor,
    test_codes: Tensor,
    test_factors: Tensor,
    *,
    name: str = "",
) -> Estimate:
    qualities = _shared_dci(train_codes, train_factors, test_codes, test_factors)
    estimate: Estimate = getattr(qualities, name)
    return estimate


def _metric(quality: str) -> Metric:
    return Metric(
        f"dci_{quality}",
        partial(_quality, name=quality),
        "higher",
        f"DCI {quality}",
        "Eastwood & Williams 2018",
        kind="representation",
        settings={"predictor": "random-forest"} | asdict(Forest()),
        range=(None if quality == "informativeness" else 0.0, 1.0),
    )


DCI_DISENTANGLEMENT = _metric("disentanglement")
DCI_COMPLETENESS = _metric("completeness")
DCI_INFORMATIVENESS = _metric("informativeness")


def _forests(x: Floats, y: Ints, forest: Forest) -> list[RandomForestClassifier]:
    """One for each factor."""
    from sklearn.ensemble import RandomForestClassifier

    # All dimensions at each split: a random few would lend importance to useless ones.
    return [
        RandomForestClassifier(
            forest.trees,
            min_samples_leaf=forest.leaf,
            max_features=None,
            random_state=forest.seed,
        ).fit(x, factor)
        for factor in y.T
    ]


def _importance(models: Sequence[RandomForestClassifier]) -> Floats:
    """The importance of each dimension for each factor, d×F."""
    return np.stack([model.feature_importances_ for model in models], axis=1)


def _concentrations(importance: Floats) -> tuple[float, float]:
    """Disentanglement and completeness of a d×F matrix of importances."""
    if importance.sum() == 0:  # no dimension predicts anything: none is of one factor
        return 0.0, 0.0
    # A dimension without importance has no weight; a factor without any is spread over all.
    rows = importance.sum(axis=1)
    used = rows > 0
    codes, factors = importance.shape
    per_code = 1 - scipy.stats.entropy(importance[used], axis=1, base=factors)
    is_read = importance.sum(axis=0) > 0
    per_factor = np.zeros(factors)
    per_factor[is_read] = 1 - scipy.stats.entropy(importance[:, is_read], axis=0, base=codes)
    disentanglement = float(np.average(per_code, weights=rows[used]))
    # Rounding can leave an even spread a hair below the zero that is meant.
    return max(disentanglement, 0.0), max(float(per_factor.mean()), 0.0)
