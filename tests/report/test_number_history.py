"""What reports said before, in a file that grows only where a number is new."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.core.errors import BadInput
from harness.report.site.number_history import NumberHistory, published_history

HEAD = "dataset,metric,model,value,low,high,seeds,protocol_key"


def publish(folder: Path, time: str, images: int, **values: str) -> None:
    """A report `suite` with a Fréchet distance of each model."""
    report = folder / "suite"
    report.mkdir(exist_ok=True)
    rows = [f"digits,fid,gan/{name},{value},1,9,3,p" for name, value in values.items()]
    (report / "leaderboard.csv").write_text("\n".join([HEAD, *rows]) + "\n")
    document = {"generated_at": time, "harness_commit": f"c{time[8:10]}", "images": [images]}
    (report / "verdicts.json").write_text(json.dumps(document))


def keep(folder: Path) -> list[tuple[str, str, float, float]]:
    """Write the history as `harness site` does; returns time, model, value and budget."""
    history = published_history(folder, "history.csv")
    (folder / "history.csv").write_text(history.text())
    columns = history.table[["time", "model", "value", "images"]]
    return [tuple(row) for row in columns.itertuples(index=False)]


DAYS = [f"2026-01-{day:02} 10:00 UTC" for day in range(1, 9)]


def test_a_number_is_kept_where_it_or_its_budget_is_new(tmp_path: Path):
    publish(tmp_path, DAYS[0], 100, a="5.00001", b="2")
    publish_1 = [(DAYS[0], "gan/a", 5.0, 100.0), (DAYS[0], "gan/b", 2.0, 100.0)]
    assert keep(tmp_path) == publish_1
    assert keep(tmp_path) == publish_1, "the same report again adds nothing"
    publish(tmp_path, DAYS[1], 100, a="5.00002", b="3", c="")
    assert keep(tmp_path) == [*publish_1, (DAYS[1], "gan/b", 3.0, 100.0)]
    publish(tmp_path, DAYS[2], 900, a="5", b="3")
    assert keep(tmp_path)[3:] == [(DAYS[2], "gan/a", 5.0, 900.0), (DAYS[2], "gan/b", 3.0, 900.0)]
    publish(tmp_path, DAYS[2], 900, a="7", b="3")
    assert keep(tmp_path)[3:] == [(DAYS[2], "gan/a", 7.0, 900.0), (DAYS[2], "gan/b", 3.0, 900.0)]


def test_what_is_kept_outlives_its_report(tmp_path: Path):
    publish(tmp_path, DAYS[0], 100, a="5")
    rows = keep(tmp_path)
    for file in (tmp_path / "suite").iterdir():
        file.unlink()
    assert keep(tmp_path) == rows


def test_a_number_of_no_seeds_is_none(tmp_path: Path):
    publish(tmp_path, DAYS[0], 100, a="")
    assert keep(tmp_path) == []


def test_another_file_of_that_name_is_refused(tmp_path: Path):
    (tmp_path / "history.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match=r"history\.csv: .*harness site"):
        NumberHistory.read(tmp_path / "history.csv")
