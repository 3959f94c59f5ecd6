"""Holm's correction over the claims of a suite."""

from __future__ import annotations

from collections.abc import Sequence

from statsmodels.stats.multitest import multipletests


def levels(p: Sequence[float], alphas: Sequence[float]) -> list[float]:
    """The alpha that Holm's procedure (1979) leaves each of m tests, given its own alpha.

    The test with the k-th smallest p-value has alpha / (m − k + 1) as long as all before it were
    rejected; from the first that is not, alpha stays divided as it was there. So p lies at or
    below the result exactly where the Holm-adjusted p-value lies at or below alpha.
    """
    if not p:
        return []
    adjusted = multipletests(p, method="holm")[1]
    order = sorted(range(len(p)), key=lambda i: p[i])
    rank = {index: k for k, index in enumerate(order)}
    return [
        alpha / (len(p) - min(rank[i], int((adjusted <= alpha).sum())))
        for i, alpha in enumerate(alphas)
    ]
