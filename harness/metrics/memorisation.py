"""Are samples new, or copies of training images?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric
from harness.metrics.frame import Frame
from harness.metrics.frechet import frechet_influences

__all__ = ["Neighbours", "authpct", "fid_gap", "nearest_neighbours"]

SPARE = 4
"""So many more neighbours than asked are looked at: rounding may order near ones wrongly."""

ENTRIES = 2**24
"""The most distances computed at a time (128 MiB), to bound memory."""


@dataclass(frozen=True)
class Neighbours:
    """The nearest training images of each sample, the nearest first: `indices` (int64) and
    Euclidean `distances` (float64), both m×k.
    """

    indices: Tensor
    distances: Tensor


@takes_arrays
def nearest_neighbours(samples: Tensor, train: Tensor, k: int = 1) -> Neighbours:
    """The `k` training images n×d that are nearest to each of the samples m×d, by features.

    Exact, in float64, over blocks of samples, whatever the scale of the features and however far
    single ones lie from the others. Which of several training images at one distance comes first is
    not defined.
    """
    if k < 1:
        raise BadInput(f"at least one neighbour must be asked for, not {k}")
    samples = checks.matrix(samples, "features", at_least=1)
    train = checks.matrix(train, "features", at_least=k)
    checks.same_width(samples, train)
    frame = Frame.of(train, samples)
    placed = frame.place(train)
    norms = placed.square().sum(dim=1)
    slack = frame.slack_of(torch.float64)
    kept = min(k + SPARE, len(train))
    indices, distances = [], []
    for rows in torch.split(samples, max(1, ENTRIES // len(train))):
        centred = frame.place(rows)
        row_norms = centred.square().sum(dim=1, keepdim=True)
        # Below each squared distance, by no more than rounding can have raised it.
        bounds = torch.addmm((1 - slack) * norms, centred, placed.T, alpha=-2)
        bounds += (1 - slack) * row_norms
        nearest = bounds.topk(kept, largest=False)
        which, exact = _by_distance(rows, train, nearest.indices, frame.scale)
        doubtful = (nearest.values.amax(dim=1) < exact[:, k - 1]) & (kept < len(train))
        for row in doubtful.nonzero()[:, 0].tolist():
            near = (bounds[row] <= exact[row, k - 1]).nonzero()[:, 0][None]
            which[row, :k], exact[row, :k] = (
                part[0, :k] for part in _by_distance(rows[row : row + 1], train, near, frame.scale)
            )
        indices.append(which[:, :k])
        distances.append(exact[:, :k].sqrt() / frame.scale)
    return Neighbours(torch.cat(indices), torch.cat(distances))


def _by_distance(rows: Tensor, train: Tensor, which: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """The training images `which` n×k of each row in order of distance, and the squares of `scale`
    times that: differences of the features themselves, of which a copy's are exactly 0.
    """
    exact = torch.stack(
        [((rows - train[one]) * scale).square().sum(dim=1) for one in which.T], dim=1
    )
    order = exact.argsort(dim=1, stable=True)
    return which.gather(1, order), exact.gather(1, order)


@takes_arrays
def authpct(train_features: Tensor, sample_features: Tensor) -> Estimate:
    """The percentage of samples m×d that are authentic, given the training images n×d.

    Alaa et al. 2022, "How Faithful is your Synthetic Data?", arXiv:2102.08921: a sample
    is not authentic if it is at least as near to its nearest training image as that one is to its
    own nearest other training image. A tie is thus no authenticity: copies of an image that
    training had twice are copies.

    Samples of the data's own distribution do not reach 100: a sample and its nearest training
    image are often nearest to each other, with probability 2/3 in one dimension and less in more.
    What lies far from all data is authentic as well. The standard error is over samples, for
    these training images.
    """
    train, samples = checks.feature_pair(train_features, sample_features, at_least=2)
    nearest = nearest_neighbours(samples, train)
    # Few training images are anyone's nearest; only their own neighbours are looked for.
    used, position = torch.unique(nearest.indices[:, 0], return_inverse=True)
    # The nearest of all is the image itself, hence the second.
    spacing = nearest_neighbours(train[used], train, k=2).distances[:, 1]
    authentic = (nearest.distances[:, 0] > spacing[position]).double()
    share = float(authentic.mean())
    return Estimate(100 * share, 100 * math.sqrt(share * (1 - share) / len(samples)), "images")


AUTHPCT = Metric(
    "authpct",
    authpct,
    "nearer",
    "authentic samples",
    "Alaa et al. 2022, arXiv:2102.08921",
    kind="memorisation",
    unit="%",
    digits=1,
    ideal="held-out",
    least={"train": 2, "samples": 2},
    range=(0.0, 100.0),
    fooled_by={"copies": "lower"},
)


@takes_arrays
def fid_gap(
    sample_features: Tensor, reference_features: Tensor, train_features: Tensor, seed: int = 0
) -> Estimate:
    """FID(samples, test) − FID(samples, train), of as many training as test images.

    Retired: it does not notice copies (see `FID_GAP`).

    Positive where samples are nearer to the training images than to unseen ones: they were
    memorised; about 0 for a model that learnt the distribution. The larger of the two real sets is
    cut down to a random subset of the size of the smaller, drawn from `seed`, since the bias of
    the distance falls with the number of images and must cancel. Features s×d, m×d and n×d.

    The standard error is the infinitesimal jackknife's over the images of all three sets; samples
    count in both distances, whose common noise cancels. It is too wide, by up to a half, where the
    samples have the data's own distribution or are copies.
    """
    samples, test = checks.feature_pair(sample_features, reference_features, at_least=3)
    train, _ = checks.feature_pair(train_features, samples, at_least=3)
    size = min(len(test), len(train))
    random = np.random.RandomState(seed)
    test, train = _subset(test, size, random), _subset(train, size, random)
    to_test, by_samples, by_test = frechet_influences(samples, test)
    to_train, by_samples_too, by_train = frechet_influences(samples, train)
    sources = (by_samples - by_samples_too, by_test, by_train)
    variance = sum(float(x.var()) / len(x) for x in sources)
    return Estimate(to_test - to_train, math.sqrt(variance), "images")


FID_GAP = Metric(
    "fid_gap",
    fid_gap,
    "neither",
    "memorisation gap",
    "",
    kind="memorisation",
    settings={"seed": 0},
    digits=2,
    least={"samples": 3, "reference": 3, "train": 3},
    fooled_by={"copies": "higher"},
    retired="fld_gap, c_t and near_copy_share notice copies of training images, which it does not",
)


def _subset(x: Tensor, size: int, random: np.random.RandomState) -> Tensor:
    if len(x) == size:
        return x
    indices = np.sort(random.choice(len(x), size, replace=False))
    return x[torch.from_numpy(indices).to(x.device)]
