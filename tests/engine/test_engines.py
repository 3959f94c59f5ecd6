"""What goes wrong in a cell is recorded and named, and keeps no other cell from its numbers."""

import os
import signal
import time
from pathlib import Path

import pandas as pd
import pytest
from running import Command

from harness.tracking import Store

FAMILY = """
import os, sys, traceback
from harness.families.autoencoder import Autoencoder


def on_trial():
    return any("/plan/" in frame.filename for frame in traceback.extract_stack())


class Raises(Autoencoder):
    def reconstruct(self, x):
        if not on_trial():
            raise RuntimeError("no\\nluck")
        return super().reconstruct(x)


class Breaks(Autoencoder):
    def phases(self):
        if not on_trial():
            raise RuntimeError("cannot train")
        return super().phases()


class Leaves(Autoencoder):
    def phases(self):
        if not on_trial():
            sys.exit(0)
        return super().phases()


class Dies(Autoencoder):
    def phases(self):
        if not on_trial():
            os._exit(9)
        return super().phases()
"""
"""Families that pass their trial and fail in a cell, as on a machine that lacks something."""
SUITE = """
title: What can go wrong
seeds: [0, 1, 2]
budget: {images: 256}
datasets: [digits]
models: [dies.yaml, raises.yaml, breaks.yaml, leaves.yaml, diverges.yaml, autoencoder/conv, vae/vae]
metrics: [mse, fid]
claims:
  - {id: c, statement: The VAE is better., metric: mse, model: vae/vae, against: diverges.yaml}
"""


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_every_kind_of_failure_is_a_row_and_the_others_go_on(command: Command, jobs: str):
    suite = SUITE if jobs == "2" else SUITE.replace("dies.yaml, ", "")
    write(command.folder, suite)
    ended = command("run", "wrong.yaml", "--jobs", jobs, "--seeds", "0")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    told = " ".join(ended.stdout.split())
    assert "raises.yaml · seed 0: mse: RuntimeError: no luck" in told
    assert "breaks.yaml · seed 0: RuntimeError: cannot train" in told
    assert "leaves.yaml · seed 0: SystemExit: 0" in told
    assert "diverged: digits · diverges.yaml · seed 0: the loss of model was" in told
    table = pd.read_csv(command.folder / "runs/wrong--seeds-0/results.csv")
    mse = table[table.metric == "mse"].set_index("model")
    expected = {
        "raises.yaml": "failed", "breaks.yaml": "failed", "leaves.yaml": "failed",
        "diverges.yaml": "diverged",
        "autoencoder/conv": "ok", "vae/vae": "ok", "training images": "not applicable",
    } | ({"dies.yaml": "failed"} if jobs == "2" else {})  # fmt: skip
    assert mse.status.to_dict() == expected
    assert mse[mse.status != "ok"].value.isna().all()
    if jobs == "2":
        assert "dies.yaml · seed 0: its worker process died" in told
    again = command("run", "wrong.yaml", "--jobs", jobs, "--seeds", "0")
    left = 4 if jobs == "2" else 3
    assert f"{left} of " in again.stdout, "what failed is tried again; what diverged is not"


def write(folder: Path, suite: str) -> None:
    (folder / "mine").mkdir()
    (folder / "mine/__init__.py").touch()
    (folder / "mine/families.py").write_text(FAMILY)
    for name in ("Raises", "Breaks", "Leaves", "Dies"):
        recipe = f"extends: autoencoder/conv\nfamily: mine.families:{name}\n"
        (folder / f"{name.lower()}.yaml").write_text(recipe)
    (folder / "diverges.yaml").write_text("extends: autoencoder/conv\noptimizer: {lr: 1.0e+30}\n")
    (folder / "wrong.yaml").write_text(suite)


@pytest.mark.slow
def test_ctrl_c_ends_command_and_workers_and_says_how_to_go_on(command: Command):
    suite = SUITE.replace("images: 256", "images: 1000000").replace("dies.yaml, raises.yaml, ", "")
    write(command.folder, suite)
    process = command.start("run", "wrong.yaml", "--jobs", "2", "--models", "vae/vae")
    assert process.stdout is not None
    while ": training" not in process.stdout.readline():
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "goes on where this one was" in out
    store = Store(f"sqlite:///{command.folder}/runs/mlflow.db", command.folder)
    parent = store.client.search_runs(
        [store.client.get_experiment_by_name("wrong").experiment_id],
        "tags.`harness.kind` = 'suite'",
    )
    assert [run.info.status for run in parent] == ["KILLED"]
    for _ in range(100):
        if not any_left(process.pid):
            break
        time.sleep(0.1)
    assert not any_left(process.pid)


def any_left(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
