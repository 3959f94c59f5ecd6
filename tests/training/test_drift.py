"""Samples of fixed codes late in training: what is kept, and how far they move."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from ramps import Ramps, ramps_family

from harness.families.gan import GAN
from harness.metrics import METRICS
from harness.training.checkpoint import Checkpoints
from harness.training.drift import CODES, DRIFT, SampleDrift
from harness.training.loop import train
from harness.training.stopping import Stopped

CPU = torch.device("cpu")


def small() -> tuple[GAN, Ramps]:
    family, batches = ramps_family("gan/dcgan")
    assert isinstance(family, GAN)
    return family, batches


def test_the_drift_is_the_distance_over_the_spread():
    family, _ = small()
    family.networks.train()
    drift = SampleDrift(family, 0, CPU)
    drift.keep(0.89)
    assert drift.late is None
    assert drift.read() is None
    drift.keep(0.9)
    assert drift.read() == 0
    assert all(module.training for module in family.networks.modules())
    late = drift.late
    assert late is not None
    spread = (late - late.mean(dim=0)).square().mean().sqrt()
    drift.late = late + 3 * spread
    assert drift.read() == pytest.approx(3, rel=1e-4)
    drift.keep(0.95)
    assert drift.late is not late


def test_samples_that_are_others_have_a_drift_of_the_root_of_two():
    family, _ = small()
    drift = SampleDrift(family, 0, CPU)
    drift.keep(1.0)
    assert drift.late is not None
    drift.late = drift.late.roll(1, dims=0)
    assert drift.read() == pytest.approx(math.sqrt(2), rel=0.1)


def test_only_the_last_point_of_a_training_has_it_and_a_resumed_one_the_same(tmp_path: Path):
    family, batches = small()
    whole = train(family, batches, 32 * 20, seed=0, device=CPU)
    assert [DRIFT in point.losses for point in whole.curve] == [False] * 19 + [True]
    assert whole.curve[-1].losses[DRIFT] > 0
    family, batches = small()
    calls = iter(range(100))
    with pytest.raises(Stopped):
        train(
            family, batches, 32 * 20, seed=0, device=CPU, checkpoints=Checkpoints(tmp_path, 1e9),
            stop=lambda: next(calls) == 18,
        )  # fmt: skip
    family, batches = small()
    checkpoints = Checkpoints(tmp_path, 1e9)
    resumed = train(family, batches, 32 * 20, seed=0, device=CPU, checkpoints=checkpoints)
    assert resumed.curve == whole.curve


@pytest.mark.parametrize("name", ["vae/vae", "gan/dcgan-conditional"])
def test_other_models_have_none(name: str):
    family, batches = ramps_family(name)
    result = train(family, batches, 32 * 20, seed=0, device=CPU)
    assert DRIFT not in result.curve[-1].losses


def test_the_protocol_names_as_many_codes_as_are_followed() -> None:
    assert METRICS["sample_drift"].settings["codes"] == CODES
