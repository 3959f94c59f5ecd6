"""Whether a model learnt its training images by heart: held-out loss rising, training loss falling.

Noise is treated as in `harness.statistics.convergence`: over the last third of training a line is
fitted to the curves of all seeds, and a trend counts only beyond its noise. How much the held-out
loss rose is read from its means over tenths of training, so that no single reading decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.statistics.convergence import Curve, last_third_slope, phase_curves

LIMIT = 0.02
"""A held-out loss that ends more than this share above its lowest tenth has risen."""

TENTHS = 10


@dataclass(frozen=True)
class HeldOutRise:
    """How much a held-out loss rose: its mean over the last tenth of training is `rise` above that
    over its lowest tenth, as a share of the latter. A loss that is not always above zero has no
    such share: `of` then names what the rise is a share of. `lowest_at` is the share of training at
    the middle of the lowest tenth.
    """

    rise: float
    lowest_at: float
    of: str = ""


def held_out_rise(curves: pd.DataFrame) -> HeldOutRise | None:
    """Returns how much the held-out loss of one model on one dataset rose by the end, where that is
    more than `LIMIT`, it still rose over the last third of training, and the training loss fell
    there; None otherwise, and where no held-out loss was read. `curves` has the columns `seed`,
    `images`, `value` and `name`. Of phases it is the one with the largest rise.
    """
    rises = [rise for phase in phase_curves(curves) if (rise := _rise(phase))]
    return max(rises, key=lambda each: each.rise, default=None)


def _rise(phase: Mapping[str, Sequence[Curve]]) -> HeldOutRise | None:
    """The rise in one phase, from the curves of its seeds by name."""
    held_out, training = phase.get("held_out_loss"), phase["loss"]
    if held_out is None or not (_trend(held_out) > 0 > _trend(training)):
        return None
    rise = _from_lowest(held_out)
    return rise if rise and rise.rise > LIMIT else None


def _trend(curves: Sequence[Curve]) -> int:
    """1 where the curves rise over the last third of training, -1 where they fall, and 0 where
    neither is beyond their noise.
    """
    slope = last_third_slope(curves)
    if slope is None or slope.low <= 0 <= slope.high:
        return 0
    return 1 if slope.low > 0 else -1


def _from_lowest(curves: Sequence[Curve]) -> HeldOutRise | None:
    """How far the mean over the last tenth is above the lowest one; None where that is the last, or
    where a tenth has no reading.
    """
    tenths = np.mean([list(_tenth_means(curve)) for curve in curves], axis=0)
    lowest = int(np.argmin(tenths))
    if np.isnan(tenths).any() or lowest == TENTHS - 1:
        return None
    rise, at = float(tenths[-1] - tenths[lowest]), (lowest + 0.5) / TENTHS
    if tenths.min() > 0:
        return HeldOutRise(rise / float(tenths[lowest]), at)
    fall = float(tenths[0] - tenths[lowest])
    if fall <= 0:
        return None
    return HeldOutRise(rise / fall, at, "of its fall since the first tenth")


def _tenth_means(curve: Curve) -> Iterator[float]:
    """The mean over each tenth of training, which ends with the tenth's last image."""
    places = np.ceil(TENTHS * curve[:, 0] / curve[:, 0].max() - 1e-9)
    for tenth in range(1, TENTHS + 1):
        values = curve[places == tenth, 1]
        yield float(values.mean()) if len(values) else np.nan
