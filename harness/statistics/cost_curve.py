"""What a quality costs, read off measured points of a curve.

Between two points the logarithm of the cost is linear in the quality, so that power laws, which
training curves follow closely, are read off exactly where the quality is a logarithm too. Nothing
is extrapolated. Where noise or a worse ending puts a more expensive point below a cheaper one, the
points are averaged with their neighbours until quality rises with cost (isotonic regression: Barlow
et al. 1972). Keeping the best point instead would make a curve of many points look cheaper: see
`docs/statistics.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize


@dataclass(frozen=True)
class CostCurve:
    """Points of a curve: logarithms of costs, ascending, and qualities, strictly ascending, both of
    the same length of at least one.
    """

    log_costs: tuple[float, ...]
    qualities: tuple[float, ...]

    @property
    def best(self) -> float:
        """The best quality that was reached."""
        return self.qualities[-1]

    def log_cost(self, quality: float) -> float | None:
        """Returns the logarithm of what a quality costs; None outside of the measured range."""
        low, high = self.qualities[0], self.qualities[-1]
        slack = 1e-12 * max(abs(low), abs(high))
        if not low - slack <= quality <= high + slack:
            return None
        return float(np.interp(quality, self.qualities, self.log_costs))


def cost_curve(log_costs: Sequence[float], qualities: Sequence[float]) -> CostCurve:
    """Returns the curve through points in any order, at least one. More quality is better."""
    order = np.lexsort((qualities, log_costs))
    costs = np.array(log_costs, dtype=float)[order]
    fitted = optimize.isotonic_regression(np.array(qualities, dtype=float)[order]).x
    levels, places = np.unique(fitted, return_inverse=True)
    means = [float(costs[places == place].mean()) for place in range(len(levels))]
    return CostCurve(tuple(means), tuple(levels.tolist()))


def common_quality(a: CostCurve, b: CostCurve) -> float:
    """Returns the best quality that both curves reach."""
    return min(a.best, b.best)
