"""What the first page and the index of a repository say of each report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.config.json_files import load_json
from harness.report.ledger import Ledger

PICTURES = ("samples", "translations", "reconstructions")
"""The kinds of pictures that stand for a report, the first that it has."""


@dataclass(frozen=True)
class ReportCard:
    """A report: its folder's name, title, date, and how many of its claims came to which verdict.
    `picture` is a PNG file of it; None where it has none.
    """

    name: str
    title: str
    date: str
    verdicts: Counter[str]
    picture: Path | None


def report_cards(reports: Path, ledger: Ledger) -> Iterator[ReportCard]:
    """Yields the reports of a folder, by their names."""
    for file in sorted(reports.glob("*/verdicts.json")):
        document = load_json(file).value
        verdicts = [each for each in ledger.findings if each.report.parent == file.parent]
        yield ReportCard(
            file.parent.name,
            str(document["title"]),
            str(document["generated_at"])[:10],
            Counter(each.outcome for each in verdicts),
            _picture(file.parent),
        )


def _picture(folder: Path) -> Path | None:
    files = sorted((folder / "pictures").glob("*.png"))
    for kind in PICTURES:
        if of_kind := [file for file in files if f"-{kind}-" in file.name]:
            return of_kind[0]
    return None
