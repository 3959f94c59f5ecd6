"""Puts a report into a folder."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

from harness.core.csv_text import to_csv
from harness.data.output_files import write_output
from harness.leaderboards.board import to_table
from harness.report import page, record
from harness.report.archive import PICTURES, record_files
from harness.report.results import Results
from harness.report.site import places


def write_report(results: Results, folder: Path) -> Path:
    """Write `index.html`, `report.md`, `results.csv` (the tidy table), `leaderboard.csv`,
    `verdicts.json` and the files of `harness.report.archive` into `folder`, and return the page's
    path.

    Everything is made before anything is written, and each file is replaced whole.
    """
    files = report_files(results, places.claim_pages(folder.parent))
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_output(folder / name, content)
    for picture in (folder / PICTURES).glob("*.png"):
        if f"{PICTURES}/{picture.name}" not in files:  # of an earlier report
            picture.unlink()
    return folder / "index.html"


def report_files(results: Results, claim_pages: Set[str] = frozenset()) -> dict[str, str | bytes]:
    """The content of each file of a report, by its place. `claim_pages` are the ids of claims that
    have a page beside it.
    """
    return {
        "results.csv": to_csv(results.table),
        "leaderboard.csv": to_csv(to_table(results.boards)),
        "verdicts.json": record.verdicts_json(results),
        **record_files(results),
        "report.md": page.report_markdown(results),
        "index.html": page.report_html(results, claim_pages),
    }
