"""What `harness run` prints, and to whom."""

import os
import signal
from pathlib import Path

import pytest
from running import Command, Inside

from harness.tracking import Store, default_uri

SUITE = """\
title: Ein größerer Titel – ≥ 3
seeds: 0-2
budget: {images: 64}
datasets: [digits]
models: [autoencoder/conv]
metrics: [mse, psnr]
"""
LONG = SUITE.replace("64", "50_000_000")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "s.yaml").write_text(SUITE, encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_it_says_what_it_is_at_and_ends_with_the_results(folder: Path):
    ended = Inside(folder)("run", "s.yaml", "--metrics", "mse", "--jobs", "1")
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0] == "s: 1 model, 1 dataset, 3 seeds, 1 metric"
    assert "reading digits" in lines
    assert lines.index("digits: means over training seeds") < next(
        number for number, line in enumerate(lines) if line.startswith("Report: ")
    )
    assert any(line.startswith("mse ↓") for line in lines)
    assert not any(line.startswith("psnr") for line in lines)
    assert "Report: runs/s--metrics-mse/index.html" in lines


@pytest.mark.slow
def test_a_reader_that_goes_away_costs_no_result(folder: Path):
    process = Command(folder).start("run", "s.yaml", "--jobs", "1")
    assert process.stdout
    assert process.stderr
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(300) == 0
    assert process.stderr.read() == ""
    assert "psnr" in (folder / "runs/s/results.csv").read_text()


@pytest.mark.slow
def test_a_locale_without_a_character_fails_no_cell(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    ended = Command(folder)("run", "s.yaml", "--jobs", "1")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Ein gr??erer Titel ? ? 3" in ended.stdout
    assert "failed" not in ended.stdout


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_after_an_interrupt_no_cell_is_marked_as_running(folder: Path, jobs: str):
    (folder / "s.yaml").write_text(LONG, encoding="utf-8")
    process = Command(folder).start("run", "s.yaml", "--jobs", jobs)
    assert process.stdout
    for line in process.stdout:
        if ": preparing" in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=300)
    assert process.returncode == 130
    store = Store(default_uri(folder / "runs"), folder / "runs")
    runs = list(store.search(list(store.experiments().values()), ""))
    assert len(runs) > 1
    assert {run.info.status for run in runs} == {"KILLED"}
