"""How far the best dimension of codes is ahead of the second in telling a factor: MIG and SAP."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric
from harness.metrics.factor_codes import Floats, Ints, arrays, estimate_of, test_arrays

__all__ = ["mig", "sap"]


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
    x, y = arrays(test_codes, test_factors, "")
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
    return estimate_of(float(np.mean(gaps)), scores)


MIG = Metric(
    "mig",
    mig,
    "higher",
    "mutual information gap",
    "Chen et al. 2018, arXiv:1802.04942",
    kind="representation",
    settings={"bins": 20},
    range=(0.0, 1.0),
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
    x, y = arrays(train_codes, train_factors, "training ")
    x_test, y_test = test_arrays(test_codes, test_factors, y, x.shape[1])
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
    return estimate_of(float(np.mean(gaps)), scores)


SAP = Metric(
    "sap",
    sap,
    "higher",
    "separated attribute predictability",
    "Kumar et al. 2018, arXiv:1711.00848",
    kind="representation",
    settings={"predictor": "thresholds"},
    range=(None, 1.0),
)


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
