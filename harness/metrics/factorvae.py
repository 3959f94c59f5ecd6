"""The FactorVAE score: whether the steadiest dimension of codes tells which factor is fixed."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric
from harness.metrics.factor_codes import Floats, Ints, arrays

__all__ = ["VoteCounts", "factorvae_score"]

FEWEST = 10
"""Images that the score needs of each value of a factor, to take variances over."""


@dataclass(frozen=True)
class VoteCounts:
    """How many votes are drawn from `seed` to learn from (`train`) and to count (`test`), each of
    `images` images, and on how many `halves` of the images this is repeated for the standard error.
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
    x, y = arrays(test_codes, test_factors, "")
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
    range=(0.0, 1.0),
)


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
