"""Weights in the store are what training recorded, or nothing is measured with them."""

import hashlib
from pathlib import Path

import pytest
from running import Command, Inside
from safetensors.torch import load_file, save_file

from harness.tracking import Store, default_uri

pytestmark = pytest.mark.slow

SUITE = """\
title: T
seeds: [0]
budget: {images: 640}
datasets: [digits]
models: [vae/vae]
metrics: [mse]
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Command:
    command = Inside(tmp_path_factory.mktemp("user"))
    (command.folder / "small.yaml").write_text(SUITE)
    ended = command("run", "small.yaml", "--jobs", "1")
    assert ended.returncode == 0, ended.stderr
    return command


def test_changed_weights_are_not_measured(finished: Command):
    (file,) = finished.folder.glob("runs/mlartifacts/**/model.safetensors")
    recorded = file.read_bytes()
    save_file({name: 0.7 * tensor for name, tensor in load_file(file).items()}, file)
    (finished.folder / "small.yaml").write_text(SUITE.replace("[mse]", "[mse, psnr]"))
    ended = finished("run", "small.yaml", "--jobs", "1")
    assert ended.returncode == 1
    assert "is not what training recorded: SHA-256" in ended.stdout + ended.stderr
    assert ",psnr,failed," in (finished.folder / "runs/small/results.csv").read_text()

    file.write_bytes(recorded)
    ended = finished("run", "small.yaml", "--jobs", "1")
    assert ended.returncode == 0, ended.stderr
    assert ",psnr,ok," in (finished.folder / "runs/small/results.csv").read_text()


def test_the_digest_is_in_the_store(finished: Command):
    (file,) = Path(finished.folder).glob("runs/mlartifacts/**/model.safetensors")
    reports = finished.folder / "runs"
    client = Store(default_uri(reports), reports).client
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    (tag,) = {run.data.tags.get("harness.fact.weights_sha256") for run in runs} - {None}
    assert tag == hashlib.sha256(file.read_bytes()).hexdigest()
