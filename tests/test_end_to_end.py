"""The main job with real parts: a suite, an MLflow server, the command as a user starts it."""

import csv
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from running import Command, kill

pytestmark = pytest.mark.slow

SUITE = """
title: The quickstart, as small as it goes
description: Four families for a moment each.
seeds: [0, 1, 2]
budget: {images: 320}
samples: 24
datasets:
  - digits
  - name: digits[unseen=8]
    models: [autoencoder/conv]
    metrics: [auroc]
models: [diffusion/ddpm, gan/dcgan, vae/vae, autoencoder/conv]
metrics: [fid, precision, mse, clip_score, sampling_throughput, training_time]
claims:
  - {id: sharper, statement: The autoencoder reconstructs better than the VAE., metric: mse,
     model: autoencoder/conv, against: vae/vae, datasets: [digits]}
  - {id: flags, statement: Error flags unseen digits., metric: auroc,
     model: autoencoder/conv, above: 0.5}
"""
TIMED = {"sampling_throughput", "training_time", "peak_memory"}


def write_suite(folder: Path, text: str = SUITE) -> str:
    (folder / "small.yaml").write_text(text)
    return "small.yaml"


def numbers(folder: Path, overrides: str = "") -> dict[tuple[str, ...], str]:
    """What was measured, apart from times, as written: equal text is equal to the bit."""
    with (folder / "runs" / f"small{overrides}" / "results.csv").open() as file:
        return {
            (row["dataset"], row["model"], row["seed"], row["metric"]): row["value"]
            for row in csv.DictReader(file)
            if row["metric"] not in TIMED
        }


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, mlflow_server: str) -> Command:
    """The suite, run once with two workers against the MLflow server."""
    command = Command(tmp_path_factory.mktemp("user"), mlflow_server)
    ended = command("run", write_suite(command.folder), "--jobs", "2")
    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert "16 of 16 cells to run" in ended.stdout
    assert "Report: " in ended.stdout
    return command


def test_every_cell_has_every_number_or_a_reason(finished: Command):
    table = pd.read_csv(finished.folder / "runs/small/results.csv")
    assert len(table) == 4 * 3 * 6 + 3 + 6
    assert set(table.status) == {"ok", "not applicable"}
    assert table[table.status == "ok"].value.notna().all()
    assert table[table.status == "not applicable"].reason.str.len().gt(10).all()
    assert table.protocol.str.contains("[", regex=False).all()
    for name in ("index.html", "report.md", "leaderboard.csv"):
        assert (finished.folder / "runs/small" / name).stat().st_size > 100


def test_mlflow_holds_parent_children_curves_pictures_and_inputs(finished: Command):
    client = mlflow.MlflowClient(tracking_uri=finished.tracking_uri)
    experiment = client.get_experiment_by_name("small")
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = [run for run in runs if run.data.tags["harness.kind"] == "suite"]
    cells = [run for run in runs if run.data.tags["harness.kind"] == "cell"]
    assert len(cells) == 16
    assert {run.data.tags["mlflow.parentRunId"] for run in cells} == {parent.info.run_id}
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    for run in cells:
        start = "**{model}** on **{dataset}**, seed {seed}: ".format(**run.data.params)
        assert run.data.tags["mlflow.note.content"].startswith(start)
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert parent.data.metrics["digits/vae/vae/fid mean"] > 0
    gan = next(run for run in cells if run.data.params["model"] == "gan/dcgan")
    assert any(name.startswith("train/") for name in gan.data.metrics)
    assert gan.data.params["recipe.optimizer.lr"]
    assert {d.tags[0].value for d in gan.inputs.dataset_inputs} == {"training", "evaluation"}
    folders = {item.path for item in client.list_artifacts(gan.info.run_id)}
    assert {"pictures", "weights", "recipe.json"} <= folders
    names = {item.path for item in client.list_artifacts(parent.info.run_id)}
    assert {"suite.yaml", "environment.json", "report"} <= names


def test_a_second_run_does_nothing_and_changes_nothing(finished: Command):
    before = numbers(finished.folder)
    ended = finished("run", "small.yaml")
    assert ended.returncode == 0
    assert "0 of 16 cells to run" in ended.stdout
    assert numbers(finished.folder) == before


def test_one_more_metric_and_one_more_seed_are_all_that_is_done(finished: Command):
    client = mlflow.MlflowClient(tracking_uri=finished.tracking_uri)
    experiment = client.get_experiment_by_name("small")

    def trained() -> dict[str, str]:
        runs = client.search_runs([experiment.experiment_id], "tags.`harness.kind` = 'cell'")
        seconds = {run.info.run_id: run.data.tags.get("harness.fact.seconds") for run in runs}
        return {run: known for run, known in seconds.items() if known}

    before, old = trained(), numbers(finished.folder)
    write_suite(finished.folder, SUITE.replace("clip_score,", "clip_score, psnr,"))
    ended = finished("run", "small.yaml", "--datasets", "digits")
    assert ended.returncode == 0, ended.stderr
    assert "13 of 13 cells to run" in ended.stdout
    assert trained() == before
    new = numbers(finished.folder, "--datasets-digits")
    assert {key for key in new if key not in old} == {
        ("digits", model, seed, "psnr")
        for model in ("diffusion/ddpm", "gan/dcgan", "vae/vae", "autoencoder/conv")
        for seed in "012"
    } | {("digits", "training images", "0", "psnr")}
    ended = finished(
        "run", "small.yaml", "--seeds", "0-3", "--models", "vae/vae", "--datasets", "digits"
    )
    assert "1 of 5 cells to run" in ended.stdout
    assert len(trained()) == len(before) + 1


def test_serial_and_parallel_runs_give_the_same_bits_and_seeds_differ(
    finished: Command, tmp_path: Path
):
    alone = Command(tmp_path)
    ended = alone(
        "run", write_suite(tmp_path), "--jobs", "1", "--seeds", "0", "--datasets", "digits"
    )
    assert ended.returncode == 0, ended.stderr
    serial, parallel = numbers(tmp_path, "--seeds-0_datasets-digits"), numbers(finished.folder)
    assert serial
    assert all(parallel[key] == value for key, value in serial.items())
    fids = {v for k, v in parallel.items() if k[1] == "vae/vae" and k[3] == "fid"}
    assert len(fids) == 3


KILLED = SUITE[: SUITE.index("claims:")].replace("320", "6400")
KILLED_ARGUMENTS = (
    "small.yaml", "--seeds", "0", "--datasets", "digits", "--models", "diffusion/ddpm",
    "--jobs", "1", "--checkpoint-seconds", "0.2",
)  # fmt: skip


def test_killed_in_training_and_in_evaluation_it_ends_with_the_same_numbers(tmp_path: Path):
    whole = Command(tmp_path / "whole")
    broken = Command(tmp_path / "broken")
    for command in (whole, broken):
        command.folder.mkdir()
        write_suite(command.folder, KILLED)
    ended = whole("run", *KILLED_ARGUMENTS)
    assert ended.returncode == 0, ended.stderr

    process = broken.start("run", *KILLED_ARGUMENTS)
    work = broken.folder / "runs/work"
    _until(lambda: any(work.rglob("*.safetensors")), process)
    kill(process)
    assert any(work.rglob("*.safetensors")), "it was not killed in the middle of training"
    checkpoints = next(work.iterdir())

    process = broken.start("run", *KILLED_ARGUMENTS)
    _until(lambda: any(broken.folder.glob("runs/mlartifacts/**/model.safetensors")), process)
    kill(process)
    checkpoints.mkdir(parents=True, exist_ok=True)  # as a kill just before clearing leaves them

    ended = broken("run", *KILLED_ARGUMENTS)
    assert ended.returncode == 0, ended.stderr
    overridden = "--seeds-0_models-diffusion-ddpm_datasets-digits"
    assert numbers(broken.folder, overridden) == numbers(whole.folder, overridden)
    assert not any(work.iterdir()), "checkpoints of finished cells are cleared away"


def _until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    for _ in range(12000):
        if condition():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    raise TimeoutError("waited four minutes")
