"""Long runs meet preemption, servers that go away, and a second command on the same suite."""

import csv
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import mlflow
import pytest
from running import Command
from serving import Server

pytestmark = pytest.mark.slow

T = TypeVar("T")

SUITE = """
title: Two short cells
seeds: [0, 1]
budget: {images: 3200}
samples: 24
datasets: [digits]
models: [diffusion/ddpm]
metrics: [fid, precision]
"""
ARGUMENTS = ("run", "short.yaml", "--checkpoint-seconds", "1000")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], str]:
    """The numbers of a run that nothing disturbed."""
    command = started(tmp_path_factory.mktemp("undisturbed"))
    ended = command(*ARGUMENTS)
    assert ended.returncode == 0, ended.stderr
    return numbers(command.folder)


def started(folder: Path, uri: str | None = None) -> Command:
    (folder / "short.yaml").write_text(SUITE)
    return Command(folder, uri)


def numbers(folder: Path) -> dict[tuple[str, ...], str]:
    """As written: equal text is equal to the bit."""
    with (folder / "runs/short/results.csv").open() as file:
        return {
            (row["model"], row["seed"], row["metric"]): row["value"] for row in csv.DictReader(file)
        }


def until(condition: Callable[[], T], process: subprocess.Popen[str]) -> T:
    """What the condition gives, once that is something."""
    for _ in range(12000):
        if found := condition():
            return found
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    raise TimeoutError("waited four minutes")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_sigterm_saves_and_the_same_command_goes_on(
    jobs: str, tmp_path: Path, expected: dict[tuple[str, ...], str]
):
    command = started(tmp_path)
    process = command.start(*ARGUMENTS, "--jobs", jobs)
    assert process.stdout is not None
    until(lambda: ": training" in process.stdout.readline(), process)
    os.kill(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 143, err
    assert "goes on where this one was" in out
    saved = list((tmp_path / "runs" / "work").glob("*/step-*.safetensors"))
    assert len(saved) == int(jobs), "what was training is saved, though no checkpoint was due"
    ended = command(*ARGUMENTS, "--jobs", jobs)
    assert ended.returncode == 0, ended.stderr
    assert numbers(tmp_path) == expected


def test_a_server_that_goes_away_costs_no_number(
    tmp_path: Path, expected: dict[tuple[str, ...], str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # else it is waited for
    (tmp_path / "server").mkdir()
    arguments = (*ARGUMENTS, "--jobs", "1", "--seeds", "0")
    with Server(tmp_path / "server") as server:
        command = started(tmp_path, server.uri)
        process = command.start(*arguments)
        assert process.stdout is not None
        until(lambda: ": training" in process.stdout.readline(), process)
        server.kill()
        _, err = process.communicate(timeout=300)
        assert process.returncode == 75, err
        assert "they are kept in" in err
        assert "the next command logs them" in err
        refused = command(*arguments)
        assert refused.returncode == 75
        assert "no MLflow server answers" in refused.stderr
        server.start()
        ended = command(*arguments)
        assert ended.returncode == 0, ended.stderr
        assert "1 finished before" in ended.stdout
        client = mlflow.MlflowClient(tracking_uri=server.uri)
        experiment = client.get_experiment_by_name("short")
        runs = client.search_runs([experiment.experiment_id], "tags.`harness.kind` = 'cell'")
        assert {run.info.status for run in runs} == {"FINISHED"}
    (table,) = tmp_path.glob("runs/short--*/results.csv")
    table.parent.rename(tmp_path / "runs/short")
    found = numbers(tmp_path)
    assert found
    assert found.items() <= expected.items()


def test_two_commands_on_one_suite_share_its_cells(
    tmp_path: Path, expected: dict[tuple[str, ...], str]
):
    command = started(tmp_path)
    both = [command.start(*ARGUMENTS, "--jobs", "1") for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=600)
        assert process.returncode == 0, err + out
    assert numbers(tmp_path) == expected
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/runs/mlflow.db")
    experiment = client.get_experiment_by_name("short")
    runs = client.search_runs([experiment.experiment_id], "tags.`harness.kind` = 'cell'")
    names = sorted(run.info.run_name for run in runs)
    assert len(names) == len(set(names)), "no cell is done twice"


def test_an_output_folder_removed_in_mid_run_stops_no_later_one(tmp_path: Path):
    command = started(tmp_path)
    arguments = (*ARGUMENTS, "--jobs", "1", "--seeds", "0")
    process = command.start(*arguments)
    assert process.stdout is not None
    until(lambda: ": training" in process.stdout.readline(), process)
    shutil.rmtree(tmp_path / "runs")
    _, err = process.communicate(timeout=300)
    assert process.returncode in (1, 75), err
    assert "Traceback" not in err
    ended = command(*arguments)
    assert ended.returncode == 0, ended.stderr
    assert command("leaderboard").returncode == 0
