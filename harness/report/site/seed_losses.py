"""The values of each seed on a scale on which less is better, for comparing two models."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from harness.core.measurement import is_number
from harness.report.site.board_columns import MetricColumn

NumberPlace = tuple[str, str, str, str]
"""Dataset, metric, protocol key and entry's label."""


def seed_values(table: pd.DataFrame) -> dict[NumberPlace, dict[int, float]]:
    """Returns the values of a tidy table by seed, for each of its numbers' places."""
    values: dict[NumberPlace, dict[int, float]] = {}
    names = ["dataset", "metric", "protocol_key", "model", "seed", "value"]
    for *place, seed, value in table.loc[table["status"] == "ok", names].itertuples(index=False):
        if is_number(value):
            dataset, metric, protocol_key, model = map(str, place)
            values.setdefault((dataset, metric, protocol_key, model), {})[int(seed)] = float(value)
    return values


def losses_text(
    column: MetricColumn, label: str, values: Mapping[NumberPlace, Mapping[int, float]]
) -> str:
    """Returns the losses of an entry in a column by seed, "0:1.5 1:2"; empty where no value is
    better than another, or real images are the ideal and have no number.
    """
    board, loss = column.board, _loss(column)
    by_seed = values.get((board.dataset, board.metric, board.protocol_key, label), {})
    if loss is None or board.unranked:
        return ""
    return " ".join(f"{seed}:{loss(value):.7g}" for seed, value in sorted(by_seed.items()))


def _loss(column: MetricColumn) -> Callable[[float], float] | None:
    metric, floor = column.metric, column.everything.floor
    if metric.has_sides:
        return lambda value: -metric.sign * value
    ideal = (floor.mean if floor else None) if metric.ideal == "held-out" else metric.ideal
    return None if ideal is None else lambda value: abs(value - ideal)
