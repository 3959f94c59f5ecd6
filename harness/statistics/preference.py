"""How much people prefer one maker of images to another, from choices between two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.core.measurement import PREFERENCE
from harness.metrics.base import Estimate, Metric


@dataclass(frozen=True)
class PairwiseChoice:
    """Entrants `first` and `second`, by number, met; `score` is 1 where the first was preferred, 0
    where the second was, and ½ where the voter could not tell.
    """

    first: int
    second: int
    score: float


@dataclass(frozen=True)
class Strengths:
    """Log odds of being preferred to an average entrant, one an entrant; they sum to zero.

    `covariance` is that of the votes: other voters and other pairs would give other numbers.
    """

    values: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @property
    def stderrs(self) -> NDArray[np.float64]:
        """The standard error of each strength over votes."""
        errors: NDArray[np.float64] = np.sqrt(np.diag(self.covariance))
        return errors


def bradley_terry(choices: Sequence[PairwiseChoice], entrants: int) -> Strengths:
    """P(i is preferred to j) = 1 / (1 + exp(s_j − s_i)) (Bradley & Terry 1952, Biometrika 39),
    fitted as the logistic regression that it is.

    A tie counts as half a choice each way, which makes errors too large rather than too small.
    Every entrant also ties once with an average one: without this prior (its like is in Coulom
    2008, "Whole-history rating", section 2.2) one that is always preferred would have no finite
    strength.
    """
    import statsmodels.api as sm  # noqa: PLC0415 - half a second, which most reports need not wait

    meetings = np.zeros((len(choices), entrants))
    for row, choice in zip(meetings, choices, strict=True):
        row[choice.first], row[choice.second] = 1, -1
    design = np.vstack([meetings, np.eye(entrants)])
    scores = np.array([choice.score for choice in choices] + [0.5] * entrants)
    fit = sm.GLM(scores, design, family=sm.families.Binomial()).fit()
    centre = np.eye(entrants) - 1 / entrants
    return Strengths(centre @ fit.params, centre @ fit.cov_params() @ centre)


def _strength(strength: Estimate) -> Estimate:
    return strength


HUMAN_PREFERENCE = Metric(
    PREFERENCE, _strength, "higher", "human preference", "Bradley & Terry 1952", unit="log odds"
)
"""It is counted by `harness vote tally`, not computed from evidence: no suite can ask for it."""
