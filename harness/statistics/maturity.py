"""How far each model was trained: its budget, and whether it was still getting better at the end.

A model that was still learning does not show what it can do. It is *undertrained* where its loss,
or its Fréchet distance over training fractions, still fell when its budget ended, where it made too
few steps to tell, and where it has not seen each training image once. It is *overfitted* where its
loss of held-out images rose at the end, while that of training images fell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from harness.config.training_fraction import is_fraction, split_fraction
from harness.core.counting import counted, named
from harness.core.measurement import CellResult
from harness.statistics.convergence import LastTenth, fit_last_tenth, last_tenth
from harness.statistics.formatting import number
from harness.statistics.overfitting import HeldOutRise, held_out_rise

QUALITY = "fid"
"""The metric whose values over training fractions tell whether samples still got better."""

MARKS = {
    "undertrained": "still learning when the budget ended, so that more training may change all "
    "numbers",
    "overfitted": "the loss of held-out images rose while that of training images still fell, so "
    "that less training may be better",
}
"""What is said of a model's training, and what each word means."""

NOT_MEASURED = LastTenth(why="not measured at training fractions")


@dataclass(frozen=True)
class TrainingInfo:
    """How far a model was trained on a dataset: images shown, optimiser steps, how often it saw
    each training image, how its loss and the Fréchet distance of its samples fell at the end, and
    how much its held-out loss rose while its training loss fell, if they did.
    """

    dataset: str
    model: str
    images: int
    steps: int
    epochs: float
    last: LastTenth
    quality: LastTenth = NOT_MEASURED
    rise: HeldOutRise | None = None

    @property
    def overfitted(self) -> str:
        """Why the model counts as overfitted, after "is overfitted"; empty where it does not."""
        if self.rise is None:
            return ""
        of = f" {self.rise.of}" if self.rise.of else ""
        return (
            f"its held-out loss rose {number(100 * self.rise.rise, 1)} %{of} from its lowest, at "
            f"{self.rise.lowest_at:.0%} of training, and its training loss still fell"
        )

    @property
    def undertrained(self) -> str:
        """Why the model counts as undertrained, after "is undertrained"; empty where it does not.
        Where neither curve is known, as for a GAN without training fractions, it does not.
        """
        if self.last.too_short:
            return f"it made only {counted(self.steps, 'step')}"
        if self.epochs < 1:
            return f"it has seen only {self.epochs:.0%} of its training images"
        for last in (self.last, self.quality):
            if last.undertrained and last.fall is not None:
                fall = f"{number(100 * last.fall, 1)} %{f' {last.of}' if last.of else ''}"
                return f"its {last.quantity} still falls {fall} in the last tenth of training"
        return ""

    @property
    def marks(self) -> dict[str, str]:
        """Each word of `MARKS` that holds of the model, with the reason."""
        return held_marks(self.undertrained, self.overfitted)

    @property
    def budget(self) -> str:
        """The budget in words: "40,000 images, 33 epochs of digits"."""
        epochs = f"{self.epochs:.0f}" if self.epochs >= 10 else f"{self.epochs:.2g}"
        word = named(1 if epochs == "1" else 2, "epoch")
        return f"{self.images:,} images, {epochs} {word} of {self.dataset}"


def training_infos(
    cells: Sequence[CellResult],
    curves: pd.DataFrame,
    table: pd.DataFrame,
    train_images: Mapping[str, int],
) -> Iterator[TrainingInfo]:
    """Yield how far each model that is trained was trained on each dataset, of `train_images`
    images: from the costs of its cells, its loss curves, and the tidy table.
    """
    first_costs: dict[tuple[str, str], Mapping[str, str]] = {}
    for cell in cells:
        if int(cell.costs.get("steps", 0)) and not is_fraction(cell.model):
            first_costs.setdefault((cell.dataset, cell.model), cell.costs)
    for (dataset, model), costs in first_costs.items():
        images = int(costs["images"])
        losses = curves[(curves["dataset"] == dataset) & (curves["model"] == model)]
        yield TrainingInfo(
            dataset, model, images, int(costs["steps"]), images / train_images[dataset],
            last_tenth(losses) if len(losses) else LastTenth(why="no loss was recorded"),
            _quality(table[table["dataset"] == dataset], model),
            held_out_rise(losses) if len(losses) else None,
        )  # fmt: skip


def held_marks(undertrained: str, overfitted: str) -> dict[str, str]:
    """Return the words of `MARKS` that hold of a model, by their reasons; an empty one is none."""
    reasons = {"undertrained": undertrained, "overfitted": overfitted}
    return {word: reason for word, reason in reasons.items() if reason}


def undertrained(training: Sequence[TrainingInfo]) -> dict[tuple[str, str], str]:
    """Return the models that are undertrained, by dataset and model, each with the reason."""
    return {(each.dataset, each.model): each.undertrained for each in training if each.undertrained}


def overfitted(training: Sequence[TrainingInfo]) -> dict[tuple[str, str], str]:
    """Return the models that are overfitted, by dataset and model, each with the reason."""
    return {(each.dataset, each.model): each.overfitted for each in training if each.overfitted}


def training_marks(training: Sequence[TrainingInfo]) -> dict[tuple[str, str], dict[str, str]]:
    """Return the marks of the models that have any, by dataset and model."""
    return {(each.dataset, each.model): each.marks for each in training if each.marks}


def fall_text(last: LastTenth) -> str:
    """Return the change of a loss in words: "−7.3 % ± 0.4 %", or why it is not known."""
    if last.fall is None or last.stderr is None:
        return last.why
    change = number(-100 * last.fall, 1, signed=True)
    of = f" {last.of}" if last.of else ""
    held_out = " (held out)" if last.quantity == "held-out loss" else ""
    return f"{change} % ± {number(100 * last.stderr, 1)} %{of}{held_out}"


def _quality(rows: pd.DataFrame, model: str) -> LastTenth:
    """How the Fréchet distance of a model's samples fell over its last training fractions."""
    points = rows[(rows["metric"] == QUALITY) & (rows["status"] == "ok")]
    fractions = points["model"].map(split_fraction)
    points = points.assign(
        model=[name for name, _ in fractions], at=[fraction for _, fraction in fractions]
    )
    points = points[points["model"] == model].sort_values("at")
    if points["at"].nunique() < 2:
        return NOT_MEASURED
    curves = [
        np.column_stack([seed_rows["at"], seed_rows["value"]])
        for _, seed_rows in points.groupby("seed")
    ]
    last = fit_last_tenth([curve for curve in curves if len(curve) > 1])
    return replace(last, quantity="Fréchet distance")
