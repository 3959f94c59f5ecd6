"""Puts a report into a folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from harness.analysis.leaderboard import to_table
from harness.report import page, record
from harness.report.results import Results
from harness.spec.errors import BadInput


def write(results: Results, folder: Path) -> Path:
    """Write `index.html`, `report.md`, `results.csv` (the tidy table), `leaderboard.csv` and
    `verdicts.json` into `folder`, and return the page's path.

    Everything is made before anything is written, and each file is replaced whole.
    """
    texts = {
        "results.csv": results.table.to_csv(index=False),
        "leaderboard.csv": to_table(results.boards).to_csv(index=False),
        "verdicts.json": record.text(results),
        "report.md": page.markdown(results),
        "index.html": page.html(results),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        replace_file(folder / name, text)
    return folder / "index.html"


def replace_file(path: Path, text: str) -> None:
    """Write beside the file, then rename: a reader sees the old file or the new one. BadInput where
    its folder does not exist.
    """
    if not path.parent.is_dir():
        raise BadInput(f"{path}: there is no folder {path.parent}")
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
