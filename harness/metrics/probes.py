"""What class labels can be read from codes: by a linear map, by neighbours, by retrieval."""

from __future__ import annotations

import math
import warnings

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Caveat, Estimate, Metric
from harness.metrics.frame import Frame

__all__ = ["knn_accuracy", "linear_probe_accuracy", "retrieval_precision"]

ROWS = 512
"""Rows of the blocks in which distances of retrieval are computed, to bound memory."""

TIED = 1e-12
"""Squared distances that agree to this share of themselves are equal but for rounding."""


@takes_arrays
def linear_probe_accuracy(
    train_codes: Tensor,
    train_labels: Tensor,
    test_codes: Tensor,
    test_labels: Tensor,
    *,
    max_iter: int = 1000,
) -> Estimate:
    """The test accuracy, from 0 to 1, of a logistic regression on standardised codes.

    Alain & Bengio 2016, "Understanding intermediate layers using linear classifier probes",
    arXiv:1610.01644. Codes n×d and m×d floats, labels n and m int64. Each dimension gets mean 0 and
    variance 1 over the training codes; the regression is multinomial, with an L2 penalty of
    |W|²/2 beside the summed loss (scikit-learn's C = 1). The error is that of the draw of test
    images; the probe is taken as given.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, test = _code_pair(train_codes, test_codes, at_least=2)
    _label_pair(train_labels, len(train), test_labels, len(test))
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=max_iter))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said below, in the metric's words
        probe.fit(train.numpy(), train_labels.cpu().numpy())
    if int(probe[-1].n_iter_.max()) >= max_iter:
        warnings.warn(
            f"the linear probe has not converged in {max_iter} iterations", Caveat, stacklevel=2
        )
    return _accuracy(probe.predict(test.numpy()), test_labels)


LINEAR_PROBE = Metric(
    "linear_probe",
    linear_probe_accuracy,
    "higher",
    "linear-probe accuracy",
    "Alain & Bengio 2016, arXiv:1610.01644",
    kind="representation",
    settings={"codes": "standardised", "C": 1, "max_iter": 1000},
    range=(0.0, 1.0),
)


@takes_arrays
def knn_accuracy(
    train_codes: Tensor,
    train_labels: Tensor,
    test_codes: Tensor,
    test_labels: Tensor,
    *,
    k: int = 20,
) -> Estimate:
    """The test accuracy, from 0 to 1, of a vote among the `k` nearest training codes.

    Arguments as for `linear_probe_accuracy`. Distances are Euclidean, on the codes as they are;
    each neighbour has one vote, and of classes with equal votes the lowest label wins
    (scikit-learn's uniform vote). The error is that of the draw of test images.
    """
    from sklearn.neighbors import KNeighborsClassifier

    train, test = _code_pair(train_codes, test_codes, at_least=1)
    if k > len(train):
        raise BadInput(f"{len(train)} training images are too few for a vote of {k} neighbours")
    _label_pair(train_labels, len(train), test_labels, len(test))
    # Distances between points far from the origin would lose digits; a mean follows outliers.
    centre = train.median(dim=0).values
    voters = KNeighborsClassifier(n_neighbors=k)
    voters.fit((train - centre).numpy(), train_labels.cpu().numpy())
    return _accuracy(voters.predict((test - centre).numpy()), test_labels)


KNN_ACCURACY = Metric(
    "knn_accuracy",
    knn_accuracy,
    "higher",
    "k-NN accuracy",
    "Cover & Hart 1967",
    kind="representation",
    settings={"k": 20, "distance": "euclidean"},
    range=(0.0, 1.0),
)


@takes_arrays
def retrieval_precision(test_codes: Tensor, test_labels: Tensor, k: int = 10) -> Estimate:
    """The share of an image's `k` nearest others that have its label, the mean over all images.

    From 0 to 1; codes that know nothing of the labels give the share of pairs with equal labels.
    `test_codes` n×d floats with n at least k + 2, `test_labels` n int64. Distances are Euclidean,
    on the codes as they are. Of images tied for the last places each has an equal part of them,
    which is the mean over all orders of the tied: equal codes cannot gain from the order of the
    set. Tied means that squared distances agree to 1e-12 of themselves, which covers rounding.

    An image is both query and answer, so that the queries' precisions are not independent; the
    error is the jackknife's over images, exact by the formula below.
    """
    test_codes = checks.matrix(test_codes, "codes", at_least=k + 2)
    checks.labels(test_labels, "labels", len(test_codes))
    frame = Frame.of(test_codes)
    test_codes = test_codes * frame.scale
    centred = test_codes - frame.centre * frame.scale
    n, test_labels = len(test_codes), test_labels.to(test_codes.device)
    norms = centred.square().sum(dim=1)
    precisions, losses = [], torch.zeros(n, dtype=torch.float64, device=test_codes.device)
    for start in range(0, n, ROWS):
        rows = torch.arange(start, min(start + ROWS, n), device=test_codes.device)
        distances = torch.addmm(norms, centred[rows], centred.T, alpha=-2) + norms[rows, None]
        distances[rows - start, rows] = torch.inf
        unsure = _unsure(distances, frame.slack_of(torch.float64) * norms, rows, k)
        distances[unsure] = _squared_distances(test_codes[rows[unsure]], test_codes)
        distances[rows - start, rows] = torch.inf
        precision, changes = _retrieve(distances, test_labels[rows, None] == test_labels, k)
        precisions.append(precision)
        losses += changes
    each = torch.cat(precisions)
    # The mean without image i: its own query is gone, and it is gone from the others' answers.
    without = (each.sum() - each + losses) / (n - 1)
    variance = (n - 1) / n * (without - without.mean()).square().sum()
    return Estimate(float(each.mean()), math.sqrt(float(variance)), "images")


RETRIEVAL_PRECISION = Metric(
    "retrieval_precision",
    retrieval_precision,
    "higher",
    "retrieval precision at k",
    "",
    kind="representation",
    settings={"k": 10, "distance": "euclidean"},
    version=2,
    range=(0.0, 1.0),
)


def _unsure(distances: Tensor, errors: Tensor, rows: Tensor, k: int) -> Tensor:
    """Which rows have other distances so near that of rank k + 1 that rounding may order them
    wrongly. A distance is off by at most the errors of its two codes.
    """
    last = distances.topk(k + 1, dim=1, largest=False, sorted=False)
    place = last.values.argmax(dim=1, keepdim=True)
    value, at = last.values.gather(1, place), last.indices.gather(1, place)
    error = errors[rows, None] + errors
    apart = (distances - value).abs()
    return (apart <= error + error.gather(1, at) + 2 * TIED * value).sum(dim=1) > 1


def _squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """By differences, exact to the rounding of each distance."""
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()


def _retrieve(distances: Tensor, same: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Each query's precision, and for each answer the summed change of them if it were not there.

    With r the distance of rank k + 1: the answers nearer than r are all retrieved, and those at r
    share what places are left, of which there can be none. Without an answer nearer than r, those
    at r have one place more; without one at r, the others at r share the same places.
    """
    ranked = distances.topk(k + 1, dim=1, largest=False, sorted=False).values
    last = ranked.amax(dim=1, keepdim=True)
    near = distances <= last * (1 + TIED)
    query, answer = near.nonzero(as_tuple=True)
    tied = (distances[near] >= (last * (1 - TIED))[query, 0]).double()
    relevant = same[near].double()

    def per_query(values: Tensor) -> Tensor:
        return torch.bincount(query, values, minlength=len(distances))

    places = k - per_query(1 - tied)
    ties = per_query(tied)
    rate = per_query(tied * relevant) / ties
    precision = (per_query((1 - tied) * relevant) + places * rate) / k
    # Where one image alone is at r it has no place, and its absence changes nothing.
    weight = 1 - tied + tied * (places / (ties - 1).clamp(min=1))[query]
    changes = weight * (rate[query] - relevant) / k
    return precision, torch.bincount(answer, changes, minlength=distances.shape[1])


def _code_pair(train: Tensor, test: Tensor, at_least: int) -> tuple[Tensor, Tensor]:
    pair = checks.matrix(train, "training codes", at_least), checks.matrix(test, "test codes", 1)
    if train.shape[1] != test.shape[1]:
        raise BadInput(f"codes differ in width: {train.shape[1]} and {test.shape[1]}")
    return pair[0].cpu(), pair[1].cpu()


def _label_pair(train: Tensor, n_train: int, test: Tensor, n_test: int) -> None:
    """Two or more classes to learn, and no other to be tested on."""
    checks.labels(train, "training labels", n_train)
    checks.labels(test, "test labels", n_test)
    classes = {*train.tolist()}
    if len(classes) < 2:
        raise BadInput(f"all {n_train} training images have one label; a probe needs 2 or more")
    if unknown := sorted({*test.tolist()} - classes):
        raise BadInput(f"test images have labels that no training image has: {unknown}")


def _accuracy(predicted: object, labels: Tensor) -> Estimate:
    hits = torch.as_tensor(predicted) == labels.cpu()
    return checks.mean_over(hits.double(), "images")
