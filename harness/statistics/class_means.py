"""Means over the datasets that one name stands for: `digits[unseen=each]`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import pandas as pd

from harness.core.measurement import FLOORS


def with_means(table: pd.DataFrame, each: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Returns the tidy table with rows of means before it. Each name in `each` gets a row for each
    model, seed and metric: the arithmetic mean over the datasets of that name, all of equal weight.
    Where a dataset has no number there is no mean, and the row has the first status and reason.
    """
    tables = []
    for name, datasets in each.items():
        of_name = table[table["dataset"].isin(datasets) & ~table["model"].isin(list(FLOORS))]
        rows = [
            _mean_row(name, rows, len(datasets))
            for _, rows in of_name.groupby(["model", "seed", "metric"], sort=False)
        ]
        tables.append(pd.DataFrame(rows, columns=table.columns))
    tables = [part for part in (*tables, table) if len(part)]
    return pd.concat(tables, ignore_index=True) if tables else table


def _mean_row(name: str, rows: pd.DataFrame, count: int) -> pd.Series:
    """Returns the mean of `rows`, one for each of `count` datasets if all are
    measured. Its protocol is the first one's, with the number of datasets.
    """
    row = rows.iloc[0].copy()
    without_value = rows[rows["status"] != "ok"]
    row["dataset"], row["stderr"], row["over"] = name, float("nan"), ""
    if len(rows) == count and without_value.empty:
        row["value"] = rows["value"].mean()
    else:
        row["value"] = float("nan")
        first = without_value.iloc[0] if len(without_value) else None
        row["status"] = "failed" if first is None else first["status"]
        row["reason"] = "not every class is measured" if first is None else first["reason"]
    row["protocol"] = f"{rows['protocol'].iloc[0]}, mean over {count} classes"
    keys = " ".join(sorted(rows["protocol_key"]))
    row["protocol_key"] = hashlib.sha256(keys.encode()).hexdigest()[:16]
    row["measurement_key"] = row["run_id"] = row["training_key"] = ""
    return row
