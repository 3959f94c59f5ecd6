"""Tables as CSV that a spreadsheet opens without computing anything."""

from __future__ import annotations

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
