"""Leaderboards: one for each dataset, metric and protocol, with intervals, ties and failures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from harness.analysis import holm
from harness.analysis.intervals import FEWEST, paired, varies
from harness.analysis.protocols import differing
from harness.metrics.base import Metric
from harness.spec.measurement import FLOORS

LEVEL = 0.95


@dataclass(frozen=True)
class Row:
    """A model on a board: its mean over `seeds` training seeds with its t interval.

    `rank` is None with fewer than three seeds, `low` and `high` with fewer than two, `mean` where
    no seed gave a number. `failures` counts the cells without a number by status, and `reason` is
    that of the first.
    """

    model: str
    rank: int | None
    mean: float | None
    low: float | None
    high: float | None
    seeds: int
    failures: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class Board:
    """The models that were measured alike, best first.

    Ranks are tiers. The model with the best mean leads the first tier. Going down the means, a
    model shares the rank of the tier's leader unless a paired t test over their common seeds tells
    the two apart (5 %, Holm-corrected over all pairs of the board); the first that is told apart
    leads the next tier, whose rank is one more than the number of models above it. A model with
    fewer than three seeds is not ranked.

    `mean` says which mean: geometric for metrics compared on the log scale, unless a value is not
    above zero. `floor` is the row of images that no model made, which is not ranked.
    `apart` names how the protocol differs from the first board of the same dataset
    and metric, and is empty for that one.
    """

    dataset: str
    metric: str
    protocol: str
    protocol_key: str
    rows: tuple[Row, ...]
    mean: Literal["mean", "geometric mean"] = "mean"
    level: float = LEVEL
    over: str = "training seeds"
    apart: str = ""
    floor: Row | None = None

    def row(self, model: str) -> Row | None:
        """The row of a model, where it has one."""
        return next((row for row in self.rows if row.model == model), None)


def boards(table: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[Board]:
    """Every leaderboard of the tidy table, in the order of its datasets and metrics.

    Of several protocols for one dataset and metric, the one with the most numbers comes first.
    """
    is_floor = table["model"].isin(list(FLOORS))
    floors = table[is_floor]
    return [
        replace(board, floor=_floor(board, floors))
        for (_, name), rows in table[~is_floor].groupby(["dataset", "metric"], sort=False)
        if name in metrics
        for board in _by_protocol(rows, metrics[str(name)])
    ]


def _floor(board: Board, floors: pd.DataFrame) -> Row | None:
    """What images that no model made get by the board's protocol, if they were measured."""
    alike = (floors["metric"] == board.metric) & (floors["protocol_key"] == board.protocol_key)
    found = floors[alike & (floors["status"] == "ok")]
    if found.empty:
        return None
    first = found.iloc[0]
    return Row(str(first["model"]), None, float(first["value"]), None, None, 1)


def to_table(found: Sequence[Board]) -> pd.DataFrame:
    """The boards as one table, a row for each model on each."""
    columns = [
        "dataset", "metric", "model", "rank", "value", "low", "high", "level", "mean", "over",
        "seeds", "failures", "reason", "protocol", "protocol_key",
    ]  # fmt: skip
    return pd.DataFrame(
        [
            (
                board.dataset, board.metric, row.model, row.rank, row.mean, row.low, row.high,
                board.level, board.mean, board.over, row.seeds,
                "; ".join(f"{count} {status}" for status, count in row.failures.items()),
                row.reason, board.protocol, board.protocol_key,
            )
            for board in found
            for row in (*board.rows, *([board.floor] if board.floor else []))
        ],
        columns=columns,
    ).astype({"rank": "Int64"})  # fmt: skip


def _by_protocol(rows: pd.DataFrame, metric: Metric) -> list[Board]:
    ok = rows[rows["status"] == "ok"]
    keys = list(ok["protocol_key"].value_counts(sort=True).index)
    if not keys:
        return [_board(rows, metric, "")]
    first = ok[ok["protocol_key"] == keys[0]].iloc[0]
    found = []
    for key in keys:
        mine = rows[rows["protocol_key"] == key]
        if key == keys[0]:
            # Cells without a number were measured in no way: they stand on the first board.
            mine = rows[(rows["protocol_key"] == key) | ~rows["protocol_key"].isin(keys)]
        label = str(ok.loc[ok["protocol_key"] == key, "protocol"].iloc[0])
        apart = "" if key == keys[0] else differing([str(first["protocol"]), label])
        found.append(_board(mine, metric, str(key), label, apart))
    return found


def _board(rows: pd.DataFrame, metric: Metric, key: str, label: str = "", apart: str = "") -> Board:
    ok = rows[(rows["status"] == "ok") & np.isfinite(rows["value"])]
    log = metric.scale == "log" and bool((ok["value"] > 0).all())
    values = {
        str(model): dict(
            zip(group["seed"], np.log(group["value"]) if log else group["value"], strict=True)
        )
        for model, group in ok.groupby("model", sort=False)
    }
    sign = 1 if metric.better == "higher" else -1
    order = sorted(values, key=lambda model: -sign * float(np.mean(list(values[model].values()))))
    ranks = _tiers([model for model in order if len(values[model]) >= FEWEST], values)
    others = [model for model in dict.fromkeys(rows["model"]) if model not in values]
    first = rows.iloc[0]
    return Board(
        str(first["dataset"]), metric.name, label or str(first["protocol"]),
        key or str(first["protocol_key"]),
        tuple(
            _row(model, ranks.get(model), values.get(model, {}), log, rows)
            for model in [*order, *others]
        ),
        "geometric mean" if log else "mean", apart=apart,
    )  # fmt: skip


def _row(
    model: str, rank: int | None, values: Mapping[int, float], log: bool, rows: pd.DataFrame
) -> Row:
    lost = rows[(rows["model"] == model) & (rows["status"] != "ok")]
    failures = {str(status): int(n) for status, n in lost["status"].value_counts().items()}
    reason = str(lost["reason"].iloc[0]) if len(lost) else ""
    back = math.exp if log else float
    numbers = list(values.values())
    if not numbers:
        return Row(model, rank, None, None, None, 0, failures, reason)
    mean = float(np.mean(numbers))
    low, high = _t_interval(numbers)
    return Row(
        model, rank, back(mean), None if low is None else back(low),
        None if high is None else back(high), len(numbers), failures, reason,
    )  # fmt: skip


def _t_interval(numbers: Sequence[float]) -> tuple[float | None, float | None]:
    if len(numbers) < 2:
        return None, None
    if not varies(numbers):
        return numbers[0], numbers[0]
    low, high = paired(numbers).interval(LEVEL)
    return low, high


def _tiers(order: Sequence[str], values: Mapping[str, Mapping[int, float]]) -> dict[str, int]:
    """The rank of each model, by the rule of `Board`; `order` is best first."""
    pairs = list(combinations(order, 2))
    if not pairs:
        return dict.fromkeys(order, 1)
    p = [_p_apart(values[a], values[b]) for a, b in pairs]
    apart = dict(zip(pairs, holm.adjusted(p) <= 1 - LEVEL, strict=True))
    ranks: dict[str, int] = {}
    leader = order[0]
    for above, model in enumerate(order):
        if model != leader and apart[leader, model]:
            leader = model
        ranks[model] = ranks.get(leader, above + 1)
    return ranks


def _p_apart(a: Mapping[int, float], b: Mapping[int, float]) -> float:
    """Two-sided p-value of the paired t test over common seeds."""
    common = sorted(a.keys() & b.keys())
    if len(common) < FEWEST:
        return 1.0
    differences = [a[seed] - b[seed] for seed in common]
    if not varies(differences):
        # Without any spread a difference is exact (a parameter count, say), and so is a tie.
        return 0.0 if differences[0] else 1.0
    return float(stats.ttest_1samp(differences, 0.0).pvalue)
