"""Suites with code of their own, from the command to the numbers."""

from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient
from running import Command, Inside
from test_family_trial import LOSS, SAMPLE, line_of
from user_models import SUITE, write

AT_LAST = "self.count = getattr(self, 'count', 0) + 1"


@pytest.mark.parametrize("jobs", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_a_family_beside_its_suite_trains_in_any_process(command: Command, jobs):
    """The command is given elsewhere, so that nothing but the suite's folder says where it is."""
    write(command.folder / "there", family="nets.linear:Net")
    ended = command("run", "there/suite.yaml", "--jobs", jobs, "--device", "cpu")
    assert ended.returncode == 0, ended.stderr + ended.stdout
    table = pd.read_csv(next(command.folder.glob("runs/*/results.csv")))
    assert table[table.metric == "mse"].status.tolist() == ["ok", "ok"]


def test_validate_imports_no_code_from_elsewhere(tmp_path: Path, monkeypatch):
    mark = tmp_path / "mark"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "uc_foreign.py").write_text(f"open({str(mark)!r}, 'w')\nclass Net: ...\n")
    monkeypatch.syspath_prepend(str(elsewhere))
    suite = write(tmp_path / "here")
    harness = Inside(tmp_path)
    assert "valid;" in harness("validate", str(suite)).stdout
    (tmp_path / "here" / "net.yaml").write_text("family: uc_foreign:Net\n")
    for trust in ((), ("--trust",)):
        assert not mark.exists()
        ended = harness("validate", str(suite), *trust)
        assert ended.returncode == 2
        assert ended.stderr.count("\n") == 1
        assert ("not imported to check a suite" in ended.stderr) == (not trust)
    assert mark.exists()
    assert "is the class Net, not a class that extends Family" in ended.stderr


def failing(tmp_path: Path, changes: dict[str, str], metrics: str) -> tuple[Inside, str]:
    """A suite that has been run, and what the command said."""
    suite = write(tmp_path / "s", changes, family="mine.broken:Net")
    suite.write_text(SUITE.replace("[mse]", metrics))
    harness = Inside(tmp_path)
    ended = harness("run", "s/suite.yaml", "--jobs", "1", "--device", "cpu")
    assert ended.returncode == 1, ended.stderr
    return harness, ended.stdout


def artifacts(folder: Path, name: str) -> list[str]:
    return [file.read_text() for file in sorted(folder.rglob(name))]


def test_failures_in_training_say_where(tmp_path: Path):
    late = f"{AT_LAST}\n        if self.count > 3: raise ValueError('late')\n        {LOSS}"
    harness, said = failing(tmp_path, {LOSS: late}, "[mse]")
    place = f"ValueError: late (mine/broken.py:{line_of(tmp_path / 's', 'loss') + 3} in loss)"
    assert said.count(place) == 2
    for page in ("report.md", "index.html"):
        [text] = artifacts(tmp_path / "runs", page)[:1]
        assert "mine/broken.py" in text
    assert all("Traceback" in text for text in artifacts(tmp_path, "failure.txt"))
    again = harness("report", "s/suite.yaml", "--device", "cpu")
    assert f"failed: digits · net.yaml · seeds 0, 1: {place}" in again.stdout


def test_failures_in_measuring_say_where_and_keep_their_tracebacks(tmp_path: Path):
    """Samples go out of range after the trial, as those of a model that was trained may."""
    late = f"({SAMPLE}) * (1 if n < 40 else 255)"
    harness, said = failing(tmp_path, {SAMPLE: late}, "[fid, mse]")
    place = f"images lie in [-1, 1] (mine/broken.py:{line_of(tmp_path / 's', 'sample')} in sample)"
    assert said.count(place) == 2
    table = pd.read_csv(next(tmp_path.glob("runs/*/results.csv")))
    assert set(table[(table.metric == "fid") & (table.model == "net.yaml")].status) == {"failed"}
    own = table[table.model == "net.yaml"]
    assert set(own[own.metric == "mse"].status) == {"ok"}
    [text] = artifacts(tmp_path / "runs", "report.md")[:1]
    assert "## Failures" in text
    assert "net.yaml on digits, seed 1, fid: failed, sample gave values from" in text
    client = MlflowClient(f"sqlite:///{tmp_path}/runs/mlflow.db")
    run = table[table.model == "net.yaml"].run_id.iloc[0]
    assert [file.path for file in client.list_artifacts(run, "failures")] == ["failures/fid.txt"]
    again = harness("report", "s/suite.yaml", "--device", "cpu")
    assert "failed: digits · net.yaml · seed 1 · fid: sample gave values from" in again.stdout
