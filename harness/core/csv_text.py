"""Tables as CSV that a spreadsheet opens without computing anything."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠")
"""How a cell begins that some spreadsheet takes for a formula (CWE-1236), which can fetch an
address or start a program.
"""


def to_csv(table: pd.DataFrame) -> str:
    """The table as CSV. A text that a spreadsheet would compute has an apostrophe before it, by
    which spreadsheets know text; numbers are as they are.
    """
    return str(table.map(_as_text).rename(columns=_as_text).to_csv(index=False))


def _as_text(value: object) -> object:
    if not isinstance(value, str):
        return value
    # A lone carriage return is not quoted, and would begin another row.
    lines = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{lines}" if lines.startswith(_FORMULA) else lines


def from_csv(text: str, columns: Mapping[str, type]) -> pd.DataFrame:
    """Return the table that `to_csv` wrote, with every bit of its numbers. `columns` says of each
    whether it has `str`, `int` or `float`. Raises ValueError where one is missing or has others.
    """
    table = pd.read_csv(io.StringIO(text), usecols=list(columns), dtype=str, keep_default_na=False)
    readers: dict[type, Callable[[str], Any]] = {
        str: _from_text,
        int: int,
        float: lambda number: float(number or "nan"),
    }
    return pd.DataFrame(
        {name: [readers[kind](value) for value in table[name]] for name, kind in columns.items()}
    )


def _from_text(value: str) -> str:
    return value[1:] if value.startswith("'") and value[1:].startswith(_FORMULA) else value
