"""Whether each dimension of codes stands for one of the factors that images were made from.

Codes are n×d floats, factors n×F int64, each of two or more values (`checks.factors`). Factors are
taken as categories: their order is not used. The standard errors are of the draw of test images,
with the choice of the best dimensions (and, where there is one, the predictor) taken as given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import scipy
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric

__all__ = ["Dci", "Forest", "VoteCounts", "dci", "factorvae_score", "mig", "sap"]

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

GROUPS = 10
"""Disjoint parts of the training images, for the standard errors of DCI."""

FEWEST = 10
"""Images that the FactorVAE score needs of each value of a factor, to take variances over."""


@takes_arrays
def mig(test_codes: Tensor, test_factors: Tensor, *, bins: int = 20) -> Estimate:
    """The mutual information gap, from 0 to 1.

    Chen et al. 2018, "Isolating sources of disentanglement in variational autoencoders",
    arXiv:1802.04942: for each factor, the information that the most informative dimension has about
    it, less that of the second, as a share of the factor's entropy; the mean over the factors. Each
    dimension is cut into `bins` of equal width from its lowest value to its highest, and
    information is that of the table of counts (Locatello et al. 2019, arXiv:1811.12359), which is
    biased upwards by about (bins − 1)(values − 1) / 2n nats for all dimensions alike.
    """
    x, y = _arrays(test_codes, test_factors, "")
    binned = np.stack([_binned(column, bins) for column in x.T])
    gaps, scores = [], np.zeros(len(x))
    for factor in y.T:
        values = np.unique(factor, return_inverse=True)[1]
        pointwise = np.stack([_pointwise_information(cells, values) for cells in binned])
        second, best = np.argsort(pointwise.mean(axis=1))[-2:]
        gap = pointwise[best] - pointwise[second]
        surprise = -np.log((np.bincount(values) / len(values))[values])
        ratio = gap.mean() / surprise.mean()
        gaps.append(ratio)
        # The delta method: what one image more or less changes of a ratio of two means.
        scores += (gap - ratio * surprise) / surprise.mean() / y.shape[1]
    return _estimate(float(np.mean(gaps)), scores)


MIG = Metric(
    "mig",
    mig,
    "higher",
    "mutual information gap",
    "Chen et al. 2018, arXiv:1802.04942",
    kind="representation",
    settings={"bins": 20},
)


@takes_arrays
def sap(
    train_codes: Tensor, train_factors: Tensor, test_codes: Tensor, test_factors: Tensor
) -> Estimate:
    """The separated attribute predictability score, from about 0 to 1 − 1 / the values of a factor.

    Kumar et al. 2018, "Variational inference of disentangled latent concepts", arXiv:1711.00848,
    section 3: for each factor, how much better the most predictive single dimension predicts it
    than the second, the mean over the factors. A prediction is by thresholds on the dimension, one
    fewer than the factor has values, fitted by a decision tree with balanced classes to the
    training codes; its quality is the balanced accuracy on the test codes. A dimension that knows
    nothing has chance, 1 / values (the paper counts an inactive one as 0, which would credit the
    only active dimension with its guesses).
    """
    x, y = _arrays(train_codes, train_factors, "training ")
    x_test, y_test = _test_arrays(test_codes, test_factors, y, x.shape[1])
    gaps, scores = [], np.zeros(len(x_test))
    for factor, truth in zip(y.T, y_test.T, strict=True):
        weights = _balancing(truth)
        hits = np.stack(
            [
                weights * (_by_thresholds(column, factor, tested) == truth)
                for column, tested in zip(x.T, x_test.T, strict=True)
            ]
        )
        second, best = np.argsort(hits.mean(axis=1))[-2:]
        gap = hits[best] - hits[second]
        gaps.append(gap.mean())
        scores += _within_classes(gap, truth) / y.shape[1]
    return _estimate(float(np.mean(gaps)), scores)


SAP = Metric(
    "sap",
    sap,
    "higher",
    "separated attribute predictability",
    "Kumar et al. 2018, arXiv:1711.00848",
    kind="representation",
    settings={"predictor": "thresholds"},
)


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
    x, y = _arrays(train_codes, train_factors, "training ")
    x_test, y_test = _test_arrays(test_codes, test_factors, y, x.shape[1])
    if y.shape[1] < 2:
        raise BadInput("disentanglement needs at least 2 factors; there is 1")
    models = _forests(x, y, forest)
    hits = [model.predict(x_test) == truth for model, truth in zip(models, y_test.T, strict=True)]
    accuracy = np.mean(hits, axis=0)
    disentanglement, completeness = map(Estimate, _concentrations(_importance(models)))
    if len(x) >= GROUPS * 10 * forest.leaf:
        order = np.random.default_rng(forest.seed).permutation(len(x))
        of_groups = [
            _concentrations(_importance(_forests(x[group], y[group], forest)))
            for group in np.array_split(order, GROUPS)
        ]
        errors = np.std(of_groups, axis=0, ddof=1) / math.sqrt(GROUPS)
        disentanglement, completeness = (
            replace(estimate, stderr=float(error), over="images")
            for estimate, error in zip((disentanglement, completeness), errors, strict=True)
        )
    return Dci(disentanglement, completeness, _estimate(float(accuracy.mean()), accuracy))


@lru_cache(maxsize=1)
def _shared_dci(
    train_codes: Tensor, train_factors: Tensor, test_codes: Tensor, test_factors: Tensor
) -> Dci:
    """`dci`, kept for the three metrics that are made of it. Tensors are compared by identity:
    evidence is never written to once it is computed.
    """
    return dci(train_codes, train_factors, test_codes, test_factors)


def _disentanglement(
    train_codes: Tensor, train_factors: Tensor, test_codes: Tensor, test_factors: Tensor
) -> Estimate:
    return _shared_dci(train_codes, train_factors, test_codes, test_factors).disentanglement


def _completeness(
    train_codes: Tensor, train_factors: Tensor, test_codes: Tensor, test_factors: Tensor
) -> Estimate:
    return _shared_dci(train_codes, train_factors, test_codes, test_factors).completeness


def _informativeness(
    train_codes: Tensor, train_factors: Tensor, test_codes: Tensor, test_factors: Tensor
) -> Estimate:
    return _shared_dci(train_codes, train_factors, test_codes, test_factors).informativeness


_FOREST = {"predictor": "random-forest"} | asdict(Forest())
DCI_DISENTANGLEMENT = Metric(
    "dci_disentanglement",
    _disentanglement,
    "higher",
    "DCI disentanglement",
    "Eastwood & Williams 2018",
    kind="representation",
    settings=_FOREST,
)
DCI_COMPLETENESS = Metric(
    "dci_completeness",
    _completeness,
    "higher",
    "DCI completeness",
    "Eastwood & Williams 2018",
    kind="representation",
    settings=_FOREST,
)
DCI_INFORMATIVENESS = Metric(
    "dci_informativeness",
    _informativeness,
    "higher",
    "DCI informativeness",
    "Eastwood & Williams 2018",
    kind="representation",
    settings=_FOREST,
)


@dataclass(frozen=True)
class VoteCounts:
    """How many votes are taken to learn from and to count, drawn from `seed`, of so many images,
    and in how many halves of the images this is done again for the standard error.
    """

    images: int = 64
    train: int = 5_000
    test: int = 5_000
    halves: int = 20
    seed: int = 0


@takes_arrays
def factorvae_score(
    test_codes: Tensor, test_factors: Tensor, votes: VoteCounts = VoteCounts()
) -> Estimate:
    """The accuracy with which the steadiest dimension tells which factor is held fixed.

    Kim & Mnih 2018, "Disentangling by factorising", arXiv:1802.05983, section 4. A vote: draw a
    factor, the value that a drawn image has of it, and images of that value, with replacement; the
    vote is for the dimension with the least variance among them, relative to that among all. Each
    dimension stands for the factor that most of its training votes came from; the score is the
    share of test votes that are so named rightly, from 1/F (chance) to 1.

    Dimensions whose variance is at most a hundredth of the largest are collapsed and have no vote.
    Each value of a factor needs `FEWEST` images. The error is the spread of the score over random
    halves of the images (the jackknife that leaves out half of them, Shao & Wu 1989), that of the
    votes included; near 1 it is up to twice too large.
    """
    x, y = _arrays(test_codes, test_factors, "")
    rarest = min(int(np.unique(column, return_counts=True)[1].min()) for column in y.T)
    if rarest < FEWEST:
        raise BadInput(f"a value of a factor has {rarest} images; the score needs {FEWEST} of each")
    random = np.random.default_rng(votes.seed)
    value = _vote_accuracy(x, y, votes, random)
    halves = [random.permutation(len(x))[: len(x) // 2] for _ in range(votes.halves)]
    again = [_vote_accuracy(x[half], y[half], votes, random) for half in halves]
    return Estimate(value, float(np.std(again, ddof=1)), "images")


FACTORVAE_SCORE = Metric(
    "factorvae_score",
    factorvae_score,
    "higher",
    "FactorVAE score",
    "Kim & Mnih 2018, arXiv:1802.05983",
    kind="representation",
    settings=asdict(VoteCounts()),
)


def _arrays(codes: Tensor, factors: Tensor, which: str) -> tuple[Floats, Ints]:
    checks.factors(factors, f"{which}factors", len(codes))
    x = checks.matrix(codes, f"{which}codes", at_least=2)
    if x.shape[1] < 2:
        raise BadInput("codes have 1 dimension; a gap between dimensions needs 2")
    return x.cpu().numpy(), factors.cpu().numpy()


def _test_arrays(codes: Tensor, factors: Tensor, train: Ints, width: int) -> tuple[Floats, Ints]:
    x, y = _arrays(codes, factors, "test ")
    if x.shape[1] != width or y.shape[1] != train.shape[1]:
        raise BadInput(
            f"training and test images differ in the width of codes ({width} and {x.shape[1]}) "
            f"or in the number of factors ({train.shape[1]} and {y.shape[1]})"
        )
    for j, (known, found) in enumerate(zip(train.T, y.T, strict=True)):
        if unknown := sorted({*found.tolist()} - {*known.tolist()}):
            raise BadInput(f"test factor {j} has values that no training image has: {unknown}")
    return x, y


def _binned(column: Floats, bins: int) -> Ints:
    low, high = column.min(), column.max()
    if low == high:
        return np.zeros(len(column), dtype=np.int64)
    cells = ((column - low) / (high - low) * bins).astype(np.int64)
    # The highest value belongs to the last bin.
    return np.where(cells == bins, bins - 1, cells)


def _pointwise_information(cells: Ints, values: Ints) -> Floats:
    """log p(cell, value) / p(cell) p(value) of each image, whose mean is the information, nats."""
    joint = np.zeros((cells.max() + 1, values.max() + 1))
    np.add.at(joint, (cells, values), 1 / len(cells))
    apart = joint.sum(axis=1)[cells] * joint.sum(axis=0)[values]
    pointwise: Floats = np.log(joint[cells, values] / apart)
    return pointwise


def _by_thresholds(column: Floats, factor: Ints, tested: Floats) -> Ints:
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(
        max_leaf_nodes=len(np.unique(factor)), class_weight="balanced", random_state=0
    )
    predicted: Ints = tree.fit(column[:, None], factor).predict(tested[:, None])
    return predicted


def _balancing(truth: Ints) -> Floats:
    """Weights that make a mean over images the mean over classes of their own means."""
    _, classes, counts = np.unique(truth, return_inverse=True, return_counts=True)
    return np.asarray(len(truth) / (len(counts) * counts[classes]), dtype=np.float64)


def _within_classes(weighted: Floats, truth: Ints) -> Floats:
    """Each image's deviation from the mean of its class: class sizes do not count as chance."""
    _, classes, counts = np.unique(truth, return_inverse=True, return_counts=True)
    deviations: Floats = weighted - (np.bincount(classes, weighted) / counts)[classes]
    return deviations


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
    found = importance.sum(axis=0) > 0
    per_factor = np.zeros(factors)
    per_factor[found] = 1 - scipy.stats.entropy(importance[:, found], axis=0, base=codes)
    disentanglement = float(np.average(per_code, weights=rows[used]))
    # Rounding can leave an even spread a hair below the zero that is meant.
    return max(disentanglement, 0.0), max(float(per_factor.mean()), 0.0)


def _vote_accuracy(x: Floats, y: Ints, votes: VoteCounts, random: np.random.Generator) -> float:
    variances = x.var(axis=0)
    if not variances.max() > 0:
        raise BadInput(f"all codes of {len(x)} images are equal; no dimension can vote")
    active = variances > 0.01 * variances.max()
    x = x[:, active] / np.sqrt(variances[active])
    learned = _votes(x, y, votes.images, votes.train, random)
    counted = _votes(x, y, votes.images, votes.test, random)
    named = learned.argmax(axis=0)
    return int(counted[named, np.arange(x.shape[1])].sum()) / votes.test


def _votes(x: Floats, y: Ints, images: int, votes: int, random: np.random.Generator) -> Ints:
    """F×d: how often each dimension varied least while each factor was fixed."""
    table = np.zeros((y.shape[1], x.shape[1]), dtype=np.int64)
    drawn = random.multinomial(votes, np.full(y.shape[1], 1 / y.shape[1]))
    for j, count in enumerate(drawn):
        # Images in the order of their values of factor j: those of one value are neighbours.
        order = np.argsort(y[:, j], kind="stable")
        _, classes, sizes = np.unique(y[:, j], return_inverse=True, return_counts=True)
        starts = np.cumsum(sizes) - sizes
        for part in np.array_split(classes[random.integers(len(y), size=count)], count // 500 + 1):
            ranks = random.integers(sizes[part][:, None], size=(len(part), images))
            variances = x[order[starts[part][:, None] + ranks]].var(axis=1)
            table[j] += np.bincount(variances.argmin(axis=1), minlength=x.shape[1])
    return table


def _estimate(value: float, scores: Floats) -> Estimate:
    """The value, with the error of a mean over images of `scores` (up to a constant)."""
    return Estimate(value, float(scores.std(ddof=1)) / math.sqrt(len(scores)), "images")
