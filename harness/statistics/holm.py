"""Holm's correction for several tests.

Written here because statsmodels' `multipletests` collects garbage on each call, which takes longer
than everything else a report computes; the tests compare the two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def adjust(p: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns Holm's adjusted p-values, in [0, 1], for the p-values of m tests, shape (m,).

    The k-th smallest is multiplied by m − k + 1, and is at least as large as all those before it
    (Holm 1979, Scandinavian Journal of Statistics 6:65). A hypothesis is rejected where its
    adjusted p-value is at most alpha.
    """
    order = np.argsort(p, kind="stable")
    stepped = np.asarray(p, dtype=np.float64)[order] * np.arange(len(p), 0, -1)
    result = np.empty(len(p))
    result[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return result


def levels(p: Sequence[float], alphas: Sequence[float]) -> list[float]:
    """Returns the alpha that Holm's procedure leaves each of m tests, each with an alpha of its
    own.

    The test with the k-th smallest p-value has alpha / (m − k + 1) as long as all tests before it
    were rejected; from the first that was not, the divisor stays the same. So a p-value is at most
    the result exactly where the Holm-adjusted p-value is at most alpha.
    """
    if not p:
        return []
    corrected = adjust(p)
    ranks = np.argsort(np.argsort(p, kind="stable"), kind="stable").tolist()
    return [
        alpha / (len(p) - min(rank, int((corrected <= alpha).sum())))
        for rank, alpha in zip(ranks, alphas, strict=True)
    ]
