"""Verdicts that stay valid where the same claim is looked at again with more seeds.

Each look spends a part of alpha (Lan & DeMets 1983, Biometrika 70:659), and all parts together are
at most alpha. Under no effect the sum over seeds is a random walk; the probability that it crosses
its boundary at a look and at none before follows by numerical integration (Armitage, McPherson &
Rowe 1969, Journal of the Royal Statistical Society A 132:235). The boundary of a look is given as
the p-value that a fixed-sample test must reach there (the significance level approach of Pocock
1977, Biometrika 64:191), so that it serves Student's t and exact tests alike.

Where the greatest number of seeds was declared before the first look, alpha is spent in proportion
to the seeds as by Pocock's type of spending. Otherwise every look spends `FIRST` of what the looks
before it left.

statsmodels has no group-sequential tests, and scipy none; the tests hold the boundaries to the
published ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy import optimize, special

FIRST = 0.8
"""The share of what is left of alpha that a look spends, where no number of seeds was declared."""

LOST = 2.5
"""The information of n seeds counts as n less this: with a variance estimated from few seeds, early
and late t statistics are less correlated than sums are. In simulations of looks at 3 to 20 seeds,
false verdicts are then at most 5.0 % in place of 5.7."""

NODES, WEIGHTS = np.polynomial.legendre.leggauss(128)
"""Nodes and weights of the numerical integration over (-1, 1); boundaries are then exact to five
digits."""

GRID = tuple(float(a) for a in np.geomspace(1e-7, 0.5, 49))
"""The overall alphas between which the levels of looks are interpolated."""


def spend_as_pocock(share: float, alpha: float) -> float:
    """Returns the part of `alpha` that is spent up to a share of the information in (0, 1]:
    alpha · log(1 + (e − 1) share), about the same at each look (Lan & DeMets 1983).
    """
    return alpha * math.log1p((math.e - 1) * share)


@dataclass(frozen=True)
class Looks:
    """The numbers of seeds, ascending, at which a claim was looked at. `most` is the greatest
    number, where it was declared before the first look.
    """

    seeds: tuple[int, ...]
    most: int | None = None

    def spent(self, alpha: float) -> tuple[float, ...]:
        """Returns the part of `alpha` that is spent up to each look."""
        if self.most is None:
            return tuple(alpha * (1 - (1 - FIRST) ** (k + 1)) for k in range(len(self.seeds)))
        return tuple(spend_as_pocock(min(1.0, n / self.most), alpha) for n in self.seeds)

    def level(self, look: int, alpha: float) -> float:
        """Returns the p-value in (0, alpha] that a test must reach at a look (counted from 0) where
        the claim has `alpha` for all looks; 0 where nothing is left to spend.
        """
        levels = _levels_on_grid(self)[look]
        if levels[0] == 0.0:
            return 0.0
        return min(alpha, math.exp(np.interp(math.log(alpha), np.log(GRID), np.log(levels))))

    def overall(self, look: int, p: float) -> float:
        """Returns the smallest alpha, for all looks together, at which a p-value decides at a look:
        the sequential p-value (Liu & Anderson 2008, Journal of the American Statistical Association
        103:1621); 1 where there is none.
        """
        levels = _levels_on_grid(self)[look]
        if levels[0] == 0.0 or p > levels[-1]:
            return 1.0
        if p <= levels[0]:
            return min(1.0, p * GRID[0] / levels[0])
        return max(p, math.exp(np.interp(math.log(p), np.log(levels), np.log(GRID))))


@lru_cache(maxsize=256)
def _levels_on_grid(looks: Looks) -> tuple[tuple[float, ...], ...]:
    """Returns for each look the levels that belong to the alphas of `GRID`."""
    information = [max(n - LOST, 0.25) for n in looks.seeds]
    by_alpha = [
        [2 * float(special.ndtr(-b)) for b in boundaries(information, looks.spent(alpha))]
        for alpha in GRID
    ]
    return tuple(zip(*by_alpha, strict=True))


def boundaries(information: Sequence[float], spent: Sequence[float]) -> list[float]:
    """Returns the two-sided boundary of |Z| at each look, infinite where nothing is spent.

    `information` are the amounts at the looks, ascending and above zero, and `spent` is the
    probability to cross any boundary up to each look under no effect.
    """
    steps = [information[0], *(b - a for a, b in pairwise(information))]
    parts = [spent[0], *(b - a for a, b in pairwise(spent))]
    places, masses = np.zeros(1), np.ones(1)
    result: list[float] = []
    for total, step, part in zip(information, steps, parts, strict=True):
        crossing = _Crossing(places, masses, step)
        limit = crossing.limit(part, total)
        result.append(limit / math.sqrt(total))
        places, masses = crossing.survivors(min(limit, 12 * math.sqrt(total)))
    return result


@dataclass(frozen=True)
class _Crossing:
    """The walk before a look: `masses` of probability at `places`, shape (n,) each, and the
    variance of the `step` to the look.
    """

    places: np.ndarray
    masses: np.ndarray
    step: float

    def probability(self, limit: float) -> float:
        """Returns the probability that the walk is beyond ±`limit` after the step."""
        scale = math.sqrt(self.step)
        beyond = special.ndtr((self.places - limit) / scale) + special.ndtr(
            (-self.places - limit) / scale
        )
        return float(self.masses @ beyond)

    def limit(self, part: float, total: float) -> float:
        """Returns the limit that is crossed with probability `part`."""
        if part <= 0:
            return math.inf
        most = 40 * math.sqrt(total)
        return float(optimize.brentq(lambda b: self.probability(b) - part, 0.0, most, xtol=1e-10))

    def survivors(self, limit: float) -> tuple[np.ndarray, np.ndarray]:
        """Returns places and masses of the walk after the step, within ±`limit`."""
        places = limit * NODES
        z = (places[:, None] - self.places[None]) / math.sqrt(self.step)
        density = np.exp(-(z**2) / 2) @ self.masses / math.sqrt(2 * math.pi * self.step)
        return places, limit * WEIGHTS * density


def planned_looks(first: int, most: int) -> list[int]:
    """Returns the numbers of seeds at which a claim is looked at: from `first` on half as many
    again each time, up to `most`.
    """
    looks = [min(first, most)]
    while looks[-1] < most:
        looks.append(min(most, math.ceil(1.5 * looks[-1])))
    return looks
