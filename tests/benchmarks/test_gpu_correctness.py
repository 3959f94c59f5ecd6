"""Every family by replayed steps: with a stand-in here, with CUDA graphs where there is a GPU.

`python -m pytest -m gpu` has what needs one.
"""

from __future__ import annotations

import math

import pytest
import torch
from on_gpu import correctness
from on_gpu.correctness import Trial
from recording import replay_by_hand

from harness.families import FAMILIES

TRIALS = {trial.family: trial for trial in correctness.trials()}
CPU = torch.device("cpu")


def test_every_family_is_tried_that_trains_in_steps_and_needs_no_weights() -> None:
    left_out = correctness.WITHOUT_STEPS | correctness.WITHOUT_WEIGHTS
    assert {*TRIALS} == {*FAMILIES.names()} - left_out


@pytest.mark.parametrize("family", TRIALS)
def test_replayed_steps_of_every_family_are_the_plain_ones(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = TRIALS[family].losses(CPU)
    replay_by_hand(monkeypatch)
    assert TRIALS[family].losses(CPU, "graph") == plain


def test_checks_say_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = Trial("vae", "vae/mlp")
    assert [row["result"] for row in correctness.rows(CPU, trial)] == ["ok", "ok"]
    monkeypatch.setitem(correctness.NEAR, "bf16", 0.0)
    assert [row["result"] for row in correctness.rows(CPU, trial)] == ["ok", "more than 0 apart"]
    (row,) = correctness.rows(CPU, Trial("vae", "vae/no-such"))
    assert row["result"].startswith("BadInput: ")


def test_a_loss_that_is_missing_or_not_finite_is_infinitely_far() -> None:
    plain = {"model/loss": 4.0, "model/gradient_norm": 1.0}
    assert correctness.distance(plain, {"model/loss": 3.0}) == 0.25
    assert correctness.distance(plain, {"model/loss": math.nan}) == math.inf
    assert correctness.distance(plain, {}) == math.inf


@pytest.mark.slow
def test_two_trainings_at_once_end_as_one_alone() -> None:
    assert correctness.packed(CPU)["result"] == "ok"


@pytest.mark.gpu
@pytest.mark.parametrize("family", TRIALS)
def test_on_a_gpu_every_family_is_captured_and_trains_in_bf16(family: str) -> None:
    found = list(correctness.rows(torch.device("cuda"), TRIALS[family]))
    assert [row["result"] for row in found] == ["ok", "ok"], found


@pytest.mark.gpu
def test_two_trainings_share_a_gpu() -> None:
    row = correctness.packed(torch.device("cuda"))
    assert row["result"] == "ok", row
