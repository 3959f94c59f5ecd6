"""Puts a report into a folder."""

from __future__ import annotations

from pathlib import Path

from harness.core.csv_text import to_csv
from harness.data.output_files import write_output
from harness.leaderboards.board import to_table
from harness.report import page, record
from harness.report.results import Results


def write_report(results: Results, folder: Path) -> Path:
    """Write `index.html`, `report.md`, `results.csv` (the tidy table), `leaderboard.csv` and
    `verdicts.json` into `folder`, and return the page's path.

    Everything is made before anything is written, and each file is replaced whole.
    """
    texts = {
        "results.csv": to_csv(results.table),
        "leaderboard.csv": to_csv(to_table(results.boards)),
        "verdicts.json": record.verdicts_json(results),
        "report.md": page.report_markdown(results),
        "index.html": page.report_html(results),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_output(folder / name, text)
    return folder / "index.html"
