"""A report's folder has all that its page is made from."""

import dataclasses
import json
import math
import re
from pathlib import Path

import pandas as pd
import pytest
from synthetic_results import CLAIMS, synthetic

from harness.core.errors import BadInput
from harness.metrics import METRICS
from harness.report import Results, write_report
from harness.report.archive import read_record
from harness.report.derivation import derive_results


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def results() -> Results:
    """Results with all that is hard to write down."""
    results = derive_results(synthetic(diverged=True))
    cell = results.cells[0]
    curves = pd.concat([results.curves, results.curves.head(2).assign(value=[math.nan, math.inf])])
    curves["value"] /= 3
    board = results.boards[0]
    costs = {"seconds": 1 / 3, "images": "64", "steps": "1"}
    missing = dataclasses.replace(cell, seed=9, status="missing", run_id=None, measurements=())
    return derive_results(
        dataclasses.replace(
            results,
            cells=[dataclasses.replace(cell, costs=costs), *results.cells[1:], missing],
            curves=curves,
            overrides={"seeds": "0-2"},
            doubts={(board.dataset, board.protocol_key): "did not notice <blur>"},
            identity={"harness.suite.content": "1a"},
            each={"digits[unseen=each]": ("digits", "digits[unseen=8]")},
            environment={"device": "cpu", "line": "a\nb", "lone": "caf\u00e9 & <co>"},
        )
    )  # fmt: skip


def test_a_folder_gives_its_files_again_byte_by_byte(results: Results, tmp_path: Path):
    write_report(results, tmp_path / "first")
    again = derive_results(read_record(tmp_path / "first"))
    write_report(again, tmp_path / "second")
    first, second = contents(tmp_path / "first"), contents(tmp_path / "second")
    assert first.keys() == second.keys()
    assert len(results.pictures) == sum(name.startswith("pictures/") for name in first) > 0
    assert [name for name in first if first[name] != second[name]] == []


def test_what_early_reports_lack_of_a_metric_is_that_of_the_metric(
    results: Results, tmp_path: Path
):
    write_report(results, tmp_path)
    file = tmp_path / "report.json"
    document = json.loads(file.read_text())
    speed = next(m for m in document["metrics"] if m["name"] == "sampling_throughput")
    for field in ("kind", "range", "of_recipe", "counts"):
        speed.pop(field)
    file.write_text(json.dumps(document))
    read = read_record(tmp_path).metrics["sampling_throughput"]
    assert (read.kind, read.range) == ("cost", METRICS["sampling_throughput"].range)


def test_every_bit_comes_back(results: Results, tmp_path: Path):
    write_report(results, tmp_path)
    record = read_record(tmp_path)
    assert record.cells == results.cells
    assert [asked.claim for asked in record.claims] == CLAIMS
    assert record.claims == results.claims
    assert [verdict.outcome for verdict in results.verdicts].count("not evaluable") < len(CLAIMS)
    assert derive_results(record).boards == results.boards
    pd.testing.assert_frame_equal(
        record.curves.reset_index(drop=True), results.curves.reset_index(drop=True),
        check_exact=True,
    )  # fmt: skip


def test_pictures_of_an_earlier_report_go(results: Results, tmp_path: Path):
    write_report(results, tmp_path)
    (tmp_path / "pictures/mine.txt").touch()
    write_report(dataclasses.replace(results, pictures=results.pictures[:1]), tmp_path)
    names = {path.name for path in (tmp_path / "pictures").iterdir()}
    assert names == {"mine.txt", "000-samples-vae-vae.png"}


def test_no_password_is_kept(results: Results, tmp_path: Path):
    store = dataclasses.replace(results.store, uri="https://ann:secret@mlflow.example.org")
    write_report(dataclasses.replace(results, store=store), tmp_path)
    assert b"secret" not in b"".join(contents(tmp_path).values())


@pytest.mark.parametrize("name", ["report.json", "curves.csv", "pictures/000-samples-vae-vae.png"])
def test_a_folder_that_lacks_a_file(results: Results, tmp_path: Path, name: str):
    write_report(results, tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(BadInput, match=f"has no {re.escape(name)}, without which its page cannot"):
        read_record(tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 2}, "written by a newer version"),
        ({"format": None}, "not what a report writes"),
        ({"title": ...}, "not what a report writes: 'title'"),
        ({"claims": [{"claim": {"id": "A"}, "datasets": []}]}, "not what a report writes"),
        ({"cells": [{"dataset": "digits"}]}, "not what a report writes"),
        ({"metrics": [{"name": "fid"}]}, "not what a report writes"),
        ({"pictures": [{"file": "../../secret.png"}]}, "'../../secret.png' is no picture of a"),
    ],
)
def test_a_file_that_no_report_wrote(results: Results, tmp_path: Path, change, reason: str):
    write_report(results, tmp_path)
    file = tmp_path / "report.json"
    document = json.loads(file.read_text()) | change
    file.write_text(json.dumps({name: v for name, v in document.items() if v is not ...}))
    with pytest.raises(BadInput, match=reason):
        read_record(tmp_path)


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("cells", 0, "costs", "steps"), {}),
        (("cells", 0, "costs", "images"), "x"),
        (("cells", 0, "dataset"), "nowhere"),
        (("cells", 0), "x"),
        (("datasets", 0, "name"), "9" * 5000),
        (("pictures", 0, "model"), {"a": 1}),
        (("pictures", 0, "model"), "nobody"),
        (("pictures", 0, "dataset"), []),
        (("pictures", 0, "file"), "../../x.png"),
        (("metrics", 0, "name"), 1e308),
        (("metrics", 0, "better"), "sideways"),
        (("protocols",), []),
        (("format",), "1"),
        (("claims",), [["x"] * 9]),
        (("title",), None),
    ],
)
def test_what_no_report_writes_is_refused_in_one_line(
    results: Results, tmp_path: Path, keys: tuple[str | int, ...], value: object
):
    write_report(results, tmp_path)
    file = tmp_path / "report.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    *path, last = keys
    part = document
    for key in path:
        part = part[key]
    part[last] = value
    file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(BadInput, match=re.escape(str(file))) as error:
        derive_results(read_record(tmp_path))
    assert "\n" not in str(error.value)


def test_a_record_nested_too_deeply_is_refused(tmp_path: Path):
    (tmp_path / "report.json").write_text("[" * 5000 + "]" * 5000)
    with pytest.raises(BadInput, match="nested too deeply"):
        read_record(tmp_path)
