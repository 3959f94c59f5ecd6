"""What a folder's reports said before: a file that keeps their numbers where a new report has
others, since a report replaces the one that was published before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness.config.json_files import load_json
from harness.core.csv_text import from_csv, to_csv
from harness.core.errors import BadInput
from harness.core.text_files import decode
from harness.report.archive import RECORD
from harness.report.charts import drawn_value

LEADERBOARD = "leaderboard.csv"
KEY = ["dataset", "model", "metric", "protocol_key"]
"""The columns that say which number of a report it is."""
NUMBERS: dict[str, type] = {"value": float, "low": float, "high": float}
COLUMNS: dict[str, type] = {
    "report": str, "time": str, "commit": str, **dict.fromkeys(KEY, str), "images": float,
    **NUMBERS, "seeds": int,
}  # fmt: skip
"""A row a number: `time` is when its report was written, `commit` the harness's then, `images` the
training images shown (NaN where that is not known), `low` and `high` the ends of the interval (NaN
where there is none), all to four digits.
"""


@dataclass(frozen=True)
class NumberHistory:
    """The numbers of reports over time, with `COLUMNS`: by report and time, and of each number the
    publications alone in which it, or its budget, was new.
    """

    table: pd.DataFrame

    @classmethod
    def read(cls, file: Path) -> NumberHistory:
        """Returns what a file holds; nothing where there is none. Raises BadInput where it is not
        what `harness site` writes.
        """
        if not file.exists():
            return cls(pd.DataFrame(columns=list(COLUMNS)).astype(_dtypes()))
        try:
            return cls(from_csv(decode(file.read_bytes()), COLUMNS))
        except ValueError as error:
            raise BadInput(
                f"{file}: {error}; it is what `harness site` writes, and made again without it"
            ) from None

    def with_report(self, folder: Path) -> NumberHistory:
        """Returns the history with the numbers that a published report has now. A report that is
        in it already changes nothing.
        """
        rows = _published_rows(folder)
        if rows.empty:
            return self
        name, time = rows.iloc[0][["report", "time"]]
        of_report = self.table["report"] == name
        others = self.table[~(of_report & (self.table["time"] == time))]
        before = others[(others["report"] == name) & (others["time"] < time)]
        latest = before.drop_duplicates(KEY, keep="last").set_index(KEY)
        said = {key: _said(row) for key, row in latest.iterrows()}
        is_new = [said.get(tuple(row[KEY])) != _said(row) for _, row in rows.iterrows()]
        merged = pd.concat([others, rows[is_new]], ignore_index=True)
        ordered = merged.sort_values(["report", "time"], kind="stable", ignore_index=True)
        return NumberHistory(ordered)

    def text(self) -> str:
        """Returns the content of the file."""
        return to_csv(self.table)


def published_history(reports: Path, file: str) -> NumberHistory:
    """Returns the history in a file of a folder of reports, with what its reports have now. Raises
    BadInput as `NumberHistory.read` does.
    """
    history = NumberHistory.read(reports / file)
    for document in sorted(reports.glob("*/verdicts.json")):
        history = history.with_report(document.parent)
    return history


def _dtypes() -> dict[str, str]:
    return {
        name: {str: "object", int: "int64", float: "float64"}[kind]
        for name, kind in COLUMNS.items()
    }


def _said(row: Any) -> tuple[float, float | None]:
    """A number with its budget; None where that is not known, since NaN equals nothing."""
    return row["value"], None if pd.isna(row["images"]) else row["images"]


def _published_rows(folder: Path) -> pd.DataFrame:
    file = folder / LEADERBOARD
    if not file.exists():
        return pd.DataFrame()
    try:
        table = from_csv(
            decode(file.read_bytes()), {**dict.fromkeys(KEY, str), **NUMBERS, "seeds": int}
        )
    except ValueError as error:
        raise BadInput(f"{file}: {error}; `harness report --from {folder}` writes it") from None
    verdicts = load_json(folder / "verdicts.json").value
    budgets = _budgets(folder, verdicts)
    for column in NUMBERS:
        table[column] = [drawn_value(number) for number in table[column]]
    table = table.assign(
        report=folder.name,
        time=str(verdicts["generated_at"]),
        commit=str(verdicts.get("harness_commit") or verdicts.get("commit") or ""),
        images=[budgets.get(model, budgets.get("")) for model in table["model"]],
    )
    kept = table[table["value"].notna()][list(COLUMNS)]
    return kept.astype(_dtypes())


def _budgets(folder: Path, verdicts: Mapping[str, Any]) -> dict[str, float | None]:
    """Training images by model; the empty name stands for all other models."""
    budgets: dict[str, float | None] = {}
    if (folder / RECORD).exists():
        for model in load_json(folder / RECORD).value["models"]:
            budgets[model["name"]] = model["images"]
    images = verdicts.get("images") or []
    return {"": images[0] if len(images) == 1 else None, **budgets}
