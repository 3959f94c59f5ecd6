"""Strengths of entrants from people's choices between the images of two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.core.measurement import PREFERENCE
from harness.metrics.base import Estimate, Metric


@dataclass(frozen=True)
class PairwiseChoice:
    """A choice between the entrants `first` and `second`, given as indices. `score` is 1 where the
    first was preferred, 0 where the second was, and ½ where the voter could not tell.
    """

    first: int
    second: int
    score: float


@dataclass(frozen=True)
class Strengths:
    """The log odds of each of n entrants to be preferred to an average one: `values`, shape (n,),
    with sum zero. `covariance`, shape (n, n), is over votes: other voters and other pairs would
    give other numbers.
    """

    values: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @property
    def stderrs(self) -> NDArray[np.float64]:
        """The standard error of each strength over votes, shape (n,)."""
        errors: NDArray[np.float64] = np.sqrt(np.diag(self.covariance))
        return errors


def bradley_terry(choices: Sequence[PairwiseChoice], entrants: int) -> Strengths:
    """Fits P(i is preferred to j) = 1 / (1 + exp(s_j − s_i)) (Bradley & Terry 1952, Biometrika 39)
    to the choices among `entrants` entrants, by logistic regression.

    A tie counts as half a choice for each, which makes errors too large rather than too small.
    Every entrant also ties once with an average one: without this prior (Coulom 2008,
    "Whole-history rating", section 2.2, has a similar one) an entrant that is always preferred
    would have no finite strength.
    """
    import statsmodels.api as sm  # noqa: PLC0415 - takes half a second, and most reports do not need it

    choice_rows = np.zeros((len(choices), entrants))
    for row, choice in zip(choice_rows, choices, strict=True):
        row[choice.first], row[choice.second] = 1, -1
    design = np.vstack([choice_rows, np.eye(entrants)])
    scores = np.array([choice.score for choice in choices] + [0.5] * entrants)
    fit = sm.GLM(scores, design, family=sm.families.Binomial()).fit()
    centre = np.eye(entrants) - 1 / entrants
    return Strengths(centre @ fit.params, centre @ fit.cov_params() @ centre)


def _strength(strength: Estimate) -> Estimate:
    return strength


HUMAN_PREFERENCE = Metric(
    PREFERENCE, _strength, "higher", "human preference", "Bradley & Terry 1952", unit="log odds"
)
"""The metric of these strengths. `harness vote tally` computes it, and no suite can ask for it."""
