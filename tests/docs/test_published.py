"""The reports that are published can be written again by the code as it is."""

import json
from pathlib import Path

import pytest

from harness.core.csv_text import to_csv
from harness.report.archive import read_record
from harness.report.derivation import derive_results
from harness.report.record import verdicts_json

LARGEST = 2 * 1024**2
"""Bytes of a page that opens at once, also from a repository."""
FOLDERS = sorted(path.parent for path in Path(__file__).parents[2].glob("reports/*/report.json"))


def test_there_are_published_folders():
    assert "quickstart" in {folder.name for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_gives_the_numbers_and_verdicts_that_were_published(folder: Path):
    results = derive_results(read_record(folder))
    assert to_csv(results.table) == (folder / "results.csv").read_text(encoding="utf-8")
    published = json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))
    assert json.loads(verdicts_json(results))["verdicts"] == published["verdicts"]
    for picture in results.pictures:
        assert picture.png.startswith(b"\x89PNG")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_file_of_a_folder_is_large(folder: Path):
    assert all(path.stat().st_size < LARGEST for path in folder.rglob("*") if path.is_file())
