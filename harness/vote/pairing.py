"""Which samples meet: every two models equally often, seeds, samples and sides by lot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from harness.core.seeding import derive
from harness.vote.ballots import BallotPair, Entrant, ShownSide

REPEATED = 0.1
"""Share of the pairs that are shown once more, mirrored."""


def draw_pairs(
    entrants: Sequence[Entrant], samples: Sequence[int], count: int, seed: int
) -> tuple[BallotPair, ...]:
    """`count` pairs in random order, with `REPEATED` more that repeat some of them.

    `samples` says how many samples each entrant has. Both sides of a pair are of one dataset and of
    two models; the datasets, and on each every two models, meet equally often (or once more).
    """
    draws = np.random.default_rng(derive(seed, "votes"))
    meetings = _meetings(entrants)
    pairs = []
    for number in range(count):
        sides = [_any(group, samples, draws) for group in meetings[number % len(meetings)]]
        draws.shuffle(sides)
        pairs.append(BallotPair(left=sides[0], right=sides[1]))
    pairs = [pairs[i] for i in draws.permutation(count)]
    for number in sorted(draws.permutation(count)[: round(REPEATED * count)]):
        again = pairs[number]
        pairs.append(BallotPair(left=again.right, right=again.left, repeats=int(number)))
    return tuple(pairs)


def _meetings(entrants: Sequence[Entrant]) -> list[tuple[Sequence[int], Sequence[int]]]:
    """For every two models of a dataset the numbers of their entrants, dataset after dataset in
    turn, so that any first part of the list has all datasets.
    """
    groups: dict[str, dict[str, list[int]]] = {}
    for number, entrant in enumerate(entrants):
        groups.setdefault(entrant.dataset, {}).setdefault(entrant.model, []).append(number)
    each = [_every_two(models) for models in groups.values()]
    most = max(len(meetings) for meetings in each)
    # A dataset with fewer models repeats its meetings: it has as many pairs as the others.
    return [meetings[turn % len(meetings)] for turn in range(most) for meetings in each]


def _every_two(models: Mapping[str, list[int]]) -> list[tuple[Sequence[int], Sequence[int]]]:
    return [(models[a], models[b]) for a, b in combinations(models, 2)]


def _any(group: Sequence[int], samples: Sequence[int], draws: np.random.Generator) -> ShownSide:
    entrant = int(draws.choice(group))
    return ShownSide(entrant=entrant, sample=int(draws.integers(samples[entrant])))
