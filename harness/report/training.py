"""How long models were trained, and whether their losses still fell: from what runs have logged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from harness.config.training_fraction import is_fraction
from harness.core.measurement import CellResult
from harness.report.results import TrainingInfo
from harness.statistics.convergence import LIMIT, LastTenth, last_tenth
from harness.statistics.formatting import number


def training_infos(
    cells: Sequence[CellResult], curves: pd.DataFrame, train_images: Mapping[str, int]
) -> Iterator[TrainingInfo]:
    """Yield how each model was trained on each dataset, of `train_images` images."""
    first_costs: dict[tuple[str, str], Mapping[str, Any]] = {}
    for cell in cells:
        if "steps" in cell.costs and not is_fraction(cell.model):
            first_costs.setdefault((cell.dataset, cell.model), cell.costs)
    for (dataset, model), costs in first_costs.items():
        images = int(costs["images"])
        losses = curves[(curves["dataset"] == dataset) & (curves["model"] == model)]
        yield TrainingInfo(
            dataset, model, images, int(costs["steps"]), images / train_images[dataset],
            last_tenth(losses) if len(losses) else LastTenth(why="no loss was recorded"),
        )  # fmt: skip


def undertrained(training: Sequence[TrainingInfo]) -> dict[tuple[str, str], str]:
    """Return the models whose losses still fell, by dataset and model, each with a sentence."""
    flat = f"where at most {100 * LIMIT:g} % count as flat"
    return {
        (info.dataset, info.model): "its loss was still falling: "
        f"{fall_text(info.last)} over the last tenth of training, {flat}"
        for info in training
        if info.last.undertrained
    }


def fall_text(last: LastTenth) -> str:
    """Return the change of a loss in words: "−7.3 % ± 0.4 %", or why it is not known."""
    if last.fall is None or last.stderr is None:
        return last.why
    change = number(-100 * last.fall, 1, signed=True)
    of = f" {last.of}" if last.of else ""
    return f"{change} % ± {number(100 * last.stderr, 1)} %{of}"
