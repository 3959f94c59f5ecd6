"""Whether a model's loss still fell when its budget ended.

The loss of held-out images decides, where it was recorded: on a small training set the training
loss falls for as long as a network memorises images. A falling learning rate lowers a loss by
itself, so only the part of training at the full learning rate is judged.

While a loss falls, it is about a power of the number of images shown (Hestness et al. 2017,
arXiv:1712.00409): log(loss) = level + slope · log(images). This line is fitted by least squares to
the last third of a curve, with one slope for all seeds and a level for each. The fall over the last
tenth follows from the slope, and its standard error from the residuals, so that a step up or down
in the last few points is not taken for a trend.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

Curve = NDArray[np.float64]
"""Images shown (above zero, rising) and the loss there: shape (n, 2)."""

LIMIT = 0.02
"""A loss that falls by more than this share of itself over the last tenth is still falling."""

LAST = 0.9
"""The last tenth of training begins at this share of the images."""

WINDOW = 2 / 3
"""The curve is fitted from this share of the images on."""

FEWEST = 6
"""The least number of points that are fitted, over all seeds, not counting one of each seed."""

LEVEL = 0.95
"""The confidence of the one-sided bound: a fall counts where it is beyond the curve's noise."""


TOO_FEW = "too few steps to tell"


@dataclass(frozen=True)
class LastTenth:
    """How much a quantity, the `loss`, fell over the last tenth of training, as a share of itself,
    with the standard error of the fit and a lower bound at `LEVEL`. All three are None where `why`
    says why they are not known. A loss that is not above zero cannot fall by a share of itself:
    `of` then names what the fall is a share of.
    """

    fall: float | None = None
    stderr: float | None = None
    bound: float | None = None
    why: str = ""
    of: str = ""
    quantity: str = "loss"

    @property
    def too_short(self) -> bool:
        """Whether training made too few steps to tell."""
        return self.why == TOO_FEW

    @property
    def undertrained(self) -> bool:
        """Whether the loss was still falling."""
        return self.fall is not None and self.fall > LIMIT and (self.bound or 0.0) > 0


def last_tenth(curves: pd.DataFrame) -> LastTenth:
    """Returns how much the loss of one model on one dataset fell at the end. `curves` has the
    columns `seed`, `images`, `value` and `name`, which is "player/loss" for a player's loss. Where
    players train one after the other, each in a phase, the player whose loss fell most counts.
    """
    rows = _phases(curves)
    if rows is None:
        return LastTenth(why="its players' losses pull against each other, and are no measure")
    if not rows:
        return LastTenth(why="no loss was recorded")
    phases = [_phase(*phase) for phase in rows]
    return max(phases, key=lambda phase: (phase.too_short, phase.undertrained, phase.fall or 0.0))


def phase_curves(curves: pd.DataFrame) -> list[dict[str, list[Curve]]]:
    """Returns the curves of each phase that trains a single player, by name ("loss",
    "held_out_loss", …), one a seed, over the images shown in the phase. Nothing where players train
    against each other. `curves` is as in `last_tenth`.
    """
    return [
        {str(name): _of_seeds(named, start) for name, named in rows.groupby("name")}
        for rows, start in _phases(curves) or ()
    ]


def _phases(curves: pd.DataFrame) -> list[tuple[pd.DataFrame, float]] | None:
    """Returns the rows of each player that has a loss, their names without the player's, and the
    images shown before its phase; None where players train at the same time.
    """
    curves = curves.assign(
        player=curves["name"].str.rpartition("/")[0], name=curves["name"].str.rpartition("/")[2]
    )
    losses = curves[curves["name"] == "loss"]
    spans = losses.groupby("player")["images"].agg(["min", "max"]).sort_values("min")
    starts = [0, *spans["max"][:-1]]
    if any(spans["min"] <= starts[: len(spans)]):
        return None
    return [
        (curves[curves["player"] == player], start)
        for player, start in zip(spans.index, starts, strict=False)
    ]


def _phase(curves: pd.DataFrame, start: float) -> LastTenth:
    """Returns how much the loss of a phase's only player fell. `start` images had been shown before
    the phase.
    """
    named = dict(iter(curves.groupby("name")))
    held_out = named.get("held_out_loss")
    rows = named["loss"] if held_out is None else held_out
    full = _at_full_rate(rows, named["learning_rate"]) if "learning_rate" in named else rows
    last = fit_last_tenth(_of_seeds(full, start))
    if last.too_short:
        last = fit_last_tenth(_of_seeds(rows, start))
    return last if held_out is None else replace(last, quantity="held-out loss")


def _of_seeds(rows: pd.DataFrame, start: float) -> list[Curve]:
    """Returns the curve of each seed, over the images shown after `start`."""
    rows = rows.assign(images=rows["images"] - start)
    return [each[["images", "value"]].to_numpy(float) for _, each in rows.groupby("seed")]


def _at_full_rate(rows: pd.DataFrame, rates: pd.DataFrame) -> pd.DataFrame:
    """Returns the points of a loss where the learning rate is the highest."""
    is_full = rates["value"] >= rates["value"].max() * (1 - 1e-6)
    return rows[rows["images"].isin(rates.loc[is_full, "images"])]


def fit_last_tenth(curves: Sequence[Curve]) -> LastTenth:
    """Returns how much a quantity fell over the last tenth of training, from a curve of each seed
    whose x is proportional to the images shown.
    """
    late = _last_third(curves)
    if late is None:
        return LastTenth(why=TOO_FEW)
    if all(curve[:, 1].min() > 0 for curve in late):
        # The loss is proportional to the number of images to the power of the slope.
        slope, error, steepest = _slope([np.log(curve) for curve in late])
        share = LAST**-slope
        return LastTenth(1 - share, -math.log(LAST) * share * error, 1 - LAST**-steepest)
    slope, error, steepest = _slope(
        [np.column_stack([np.log(curve[:, 0]), curve[:, 1]]) for curve in late]
    )
    so_far = float(np.mean([_since_first_tenth(curve) for curve in curves]))
    if so_far <= 0:
        return LastTenth(why="it has not fallen since the first tenth of training")
    fall, stderr, bound = (math.log(LAST) * each / so_far for each in (slope, -error, steepest))
    return LastTenth(fall, stderr, bound, of="of its fall since the first tenth")


@dataclass(frozen=True)
class Slope:
    """A slope with its one-sided bounds, each at `LEVEL`."""

    value: float
    low: float
    high: float


def last_third_slope(curves: Sequence[Curve]) -> Slope | None:
    """Returns the slope of a quantity against the logarithm of the images shown over the last third
    of training, the same for all seeds; None where there are too few points.
    """
    late = _last_third(curves)
    if late is None:
        return None
    slope, _, high = _slope([np.column_stack([np.log(c[:, 0]), c[:, 1]]) for c in late])
    return Slope(slope, 2 * slope - high, high)


def _last_third(curves: Sequence[Curve]) -> list[Curve] | None:
    """Returns the points that are fitted; None where there are fewer than `FEWEST`."""
    late = [curve[curve[:, 0] >= WINDOW * curve[:, 0].max()] for curve in curves]
    return late if sum(len(curve) - 1 for curve in late) >= FEWEST else None


def _slope(curves: Sequence[Curve]) -> tuple[float, float, float]:
    """Fits a line to points (x, y), with a level for each curve, by least squares. Returns its
    slope, the standard error of the slope, and the slope's upper bound at `LEVEL`.
    """
    x, y = np.concatenate([curve - curve.mean(axis=0) for curve in curves]).T
    degrees = len(x) - len(curves) - 1
    slope = float(x @ y / (x @ x))
    error = math.sqrt(float(np.square(y - slope * x).sum()) / degrees / float(x @ x))
    return slope, error, slope + error * float(stats.t.ppf(LEVEL, degrees))


def _since_first_tenth(curve: Curve) -> float:
    """Returns how much a loss fell from the end of the first tenth of training to the last."""
    images, values = curve.T / np.array([[curve[:, 0].max()], [1.0]])
    early = values[np.argmin(np.abs(images - (1 - LAST)))]
    return float(early - values[images >= LAST].mean())
