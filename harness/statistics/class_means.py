"""The mean over the datasets that one name stands for: `digits[unseen=each]`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import pandas as pd

from harness.core.measurement import FLOORS


def with_means(table: pd.DataFrame, each: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """The tidy table, and before the rows of the datasets that a name of `each` stands for a row of
    that name for each model, seed and metric: the arithmetic mean, in which every class counts the
    same. Where a dataset has no number there is no mean, and the row says so with the first reason.
    """
    parts = []
    for name, datasets in each.items():
        mine = table[table["dataset"].isin(datasets) & ~table["model"].isin(list(FLOORS))]
        rows = [
            _mean(name, rows, len(datasets))
            for _, rows in mine.groupby(["model", "seed", "metric"], sort=False)
        ]
        parts.append(pd.DataFrame(rows, columns=table.columns))
    found = [part for part in (*parts, table) if len(part)]
    return pd.concat(found, ignore_index=True) if found else table


def _mean(name: str, rows: pd.DataFrame, count: int) -> pd.Series:
    """One row of the mean, measured as the first class was, class by class."""
    row = rows.iloc[0].copy()
    whole = len(rows) == count
    bad = rows[rows["status"] != "ok"]
    row["dataset"], row["stderr"], row["over"] = name, float("nan"), ""
    if whole and bad.empty:
        row["value"] = rows["value"].mean()
    else:
        row["value"] = float("nan")
        first = bad.iloc[0] if len(bad) else None
        row["status"] = "failed" if first is None else first["status"]
        row["reason"] = "not every class is measured" if first is None else first["reason"]
    row["protocol"] = f"{rows['protocol'].iloc[0]}, mean over {count} classes"
    keys = " ".join(sorted(rows["protocol_key"]))
    row["protocol_key"] = hashlib.sha256(keys.encode()).hexdigest()[:16]
    row["measurement_key"] = row["run_id"] = row["training_key"] = ""
    return row
