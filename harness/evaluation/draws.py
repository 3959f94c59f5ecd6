"""Numbers of several draws of samples as one number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, variance

from harness.metrics.base import Estimate


def average_draws(draws: Sequence[Estimate], *, shared: bool) -> Estimate:
    """The mean over the draws of one model's samples, with its standard error.

    `shared` is whether every draw was compared with the same real images. An estimate of draw i is
    to first order θ + R + Sᵢ, with R what the draw of the real images contributes and Sᵢ that of
    the samples, all independent, so that with k draws (variance components; Searle, Casella &
    McCulloch 1992)

        Var(mean) = Var R + Var S / k = (Var R + Var S) − (1 − 1/k) Var S.

    The squared standard errors of the draws estimate Var R + Var S, and the variance between the
    draws Var S. Of few draws that is rough: the difference is kept between the least that it can
    be, all variance being of the samples, and the most, none being so. Where no real images are
    shared, Var R = 0. Draws without standard errors leave the one between draws, which says nothing
    of R.
    """
    values = [estimate.value for estimate in draws]
    k, mean = len(values), fmean(values)
    if k == 1:
        return draws[0]
    between = variance(values)
    squares = [estimate.stderr**2 for estimate in draws if estimate.stderr is not None]
    if len(squares) < k:
        return Estimate(mean, math.sqrt(between / k), "draws")
    whole = fmean(squares)
    least = whole / k
    combined = max(least, whole - (1 - 1 / k) * between) if shared else least
    return Estimate(mean, math.sqrt(combined), draws[0].over)
