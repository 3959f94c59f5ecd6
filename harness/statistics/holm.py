"""Holm's correction for several tests.

Written here because statsmodels' `multipletests` collects garbage on each call, which takes longer
than everything else a report computes; the tests compare the two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def adjust(p: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's adjusted p-values (1979): a test is rejected where its own is at most alpha.

    The k-th smallest of m is multiplied by m − k + 1, and is at least all those before it.
    """
    order = np.argsort(p, kind="stable")
    stepped = np.asarray(p, dtype=np.float64)[order] * np.arange(len(p), 0, -1)
    result = np.empty(len(p))
    result[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return result


def levels(p: Sequence[float], alphas: Sequence[float]) -> list[float]:
    """The alpha that Holm's procedure leaves each of m tests, given its own alpha.

    The test with the k-th smallest p-value has alpha / (m − k + 1) as long as all before it were
    rejected; from the first that is not, alpha stays divided as it was there. So p lies at or
    below the result exactly where the Holm-adjusted p-value lies at or below alpha.
    """
    if not p:
        return []
    corrected = adjust(p)
    order = sorted(range(len(p)), key=lambda i: p[i])
    rank = {index: k for k, index in enumerate(order)}
    return [
        alpha / (len(p) - min(rank[i], int((corrected <= alpha).sum())))
        for i, alpha in enumerate(alphas)
    ]
