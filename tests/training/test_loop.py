"""The loop: what it shows to whom, that it repeats itself to the bit, and that it resumes."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import (
    Family,
    FamilySettings,
    ImageShape,
    Losses,
    Noise,
    Phase,
    Player,
)
from harness.families.optimizers import Adam
from harness.training.checkpoint import Checkpoints
from harness.training.init import initialise
from harness.training.loop import Progress, TrainingResult, train
from harness.training.losses import Diverged
from harness.training.stopping import Stopped

CPU = torch.device("cpu")
SMALL: dict[str, dict[str, Any]] = {
    "autoencoder": {"width": 4, "latent": 8},
    "vae": {"width": 4, "latent": 8, "sigma": 0.5},
    "gan": {"width": 4, "latent": 8, "ema": 0.9},
    "diffusion": {"width": 1, "ema": 0.9, "sampling": {"steps": 3}},
}


class Blobs:
    """Batches of smooth bumps at random places: something to learn."""

    def __init__(self, batch_size: int = 8, size: int = 8) -> None:
        self.batch_size, self.size = batch_size, size

    def batch(self, index: int) -> Batch:
        generator = torch.Generator().manual_seed(index)
        centre = torch.rand(self.batch_size, 2, 1, generator=generator) * 2 - 1
        axis = torch.linspace(-1, 1, self.size)
        distance = (axis - centre).square()
        bump = torch.exp(-4 * (distance[:, 0, :, None] + distance[:, 1, None, :]))
        return Batch((2 * bump - 1)[:, None], torch.zeros(self.batch_size, dtype=torch.int64))


def untrained(name: str, seed: int = 0, **settings: Any) -> Family:
    chosen = {"batch_size": 8, **SMALL[name], **settings}
    return initialise(lambda: build_family(name, chosen, ImageShape(1, 8)), seed)


def trained(
    name: str, seed: int = 0, images: int = 160, **options: Any
) -> tuple[Family, TrainingResult]:
    family = untrained(name, seed)
    return family, train(family, Blobs(), images, seed, device=CPU, **options)


def same_weights(a: Family, b: Family) -> bool:
    mine, theirs = a.networks.state_dict(), b.networks.state_dict()
    return all(torch.equal(mine[key], theirs[key]) for key in mine)


@pytest.mark.parametrize("name", SMALL)
def test_same_seed_same_bits_other_seed_other_bits(name: str) -> None:
    (first, result), (again, same), (other, _) = (trained(name, seed) for seed in (0, 0, 1))
    assert same_weights(first, again)
    assert result.curve == same.curve
    assert not same_weights(first, other)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("stop", [1, 7, 20])
def test_resumed_training_ends_with_the_same_bits(name: str, stop: int, tmp_path: Path) -> None:
    """A run is broken off while it reports step `stop`, and is then run again."""
    whole, result = trained(name)
    checkpoints = Checkpoints(tmp_path, every_seconds=0)
    with pytest.raises(KeyboardInterrupt):
        trained(name, checkpoints=checkpoints, report=interrupt_at(stop))
    steps: list[int] = []
    resumed, rest = trained(
        name, checkpoints=checkpoints, report=lambda progress: steps.append(progress.step)
    )
    assert steps == list(range(stop + 1, 21))
    assert same_weights(whole, resumed)
    assert rest.curve == result.curve
    assert (rest.steps, rest.images) == (result.steps, result.images)


def interrupt_at(step: int) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        if progress.step == step:
            raise KeyboardInterrupt

    return report


def test_resuming_between_two_checkpoints_repeats_the_steps_since(tmp_path: Path) -> None:
    whole, _ = trained("gan")
    seldom = Checkpoints(tmp_path, every_seconds=0)

    def report(progress: Progress) -> None:
        seldom.every_seconds = 0 if progress.step < 4 else math.inf
        if progress.step == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained("gan", checkpoints=seldom, report=report)
    saved = seldom.latest()
    assert saved is not None
    assert saved[1]["step"] == 4
    resumed, _ = trained("gan", checkpoints=seldom)
    assert same_weights(whole, resumed)


@pytest.mark.parametrize("name", SMALL)
def test_a_stop_between_two_readings_saves_and_leaves_weights_and_curves_as_they_would_be(
    name: str, tmp_path: Path
) -> None:
    """110 steps are read every other; the run is asked to stop after step 55."""
    whole, result = trained(name, images=880)
    checkpoints = Checkpoints(tmp_path, every_seconds=math.inf)
    asked = iter([False] * 54 + [True])
    with pytest.raises(Stopped, match="after 440 images"):
        trained(name, images=880, checkpoints=checkpoints, stop=lambda: next(asked))
    saved = checkpoints.latest()
    assert saved is not None
    assert saved[1]["step"] == 55
    resumed, rest = trained(name, images=880, checkpoints=checkpoints)
    assert same_weights(whole, resumed)
    assert rest.curve == result.curve


@pytest.mark.parametrize("name", SMALL)
def test_a_shorter_training_is_the_beginning_of_a_longer_one(name: str, tmp_path: Path) -> None:
    """What points in training rest on: of 20 steps, the 12th is the last of a run of 12."""
    short, _ = trained(name, images=96)
    asked = iter([False] * 11 + [True])
    checkpoints = Checkpoints(tmp_path, every_seconds=math.inf)
    with pytest.raises(Stopped):
        trained(name, checkpoints=checkpoints, stop=lambda: next(asked))
    # Went on for no step more: it ends with the weights that it had when it was stopped.
    rest, result = trained(name, images=96, checkpoints=checkpoints)
    assert result.steps == 12
    assert same_weights(short, rest)


def test_checkpoints_do_not_wait_for_a_reading(tmp_path: Path) -> None:
    """400 steps are read every fourth, but a checkpoint is due after every one."""
    checkpoints = Checkpoints(tmp_path, every_seconds=0)
    asked = iter([False] * 5 + [True])
    with pytest.raises(Stopped):
        trained("autoencoder", images=3200, checkpoints=checkpoints, stop=lambda: next(asked))
    steps = sorted(int(file.stem.split("-")[1]) for file in tmp_path.glob("step-*"))
    assert steps == [5, 6]


def test_a_request_to_stop_at_the_last_step_comes_too_late(tmp_path: Path) -> None:
    asked = iter([False] * 19 + [True])
    _, result = trained("autoencoder", stop=lambda: next(asked))
    assert result.steps == 20


@pytest.mark.parametrize(
    ("name", "loss"), [("autoencoder", 0.1), ("vae", 60.0), ("diffusion", 0.5)]
)
def test_losses_fall_on_a_simple_problem(name: str, loss: float) -> None:
    _, result = trained(name, images=2400)
    losses = [point.losses["model/loss"] for point in result.curve]
    assert losses[-1] < loss < losses[0]


def test_training_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    trained("diffusion")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_networks_end_averaged_and_in_evaluation_mode() -> None:
    averaged, _ = trained("gan")
    plain = untrained("gan", ema=None)
    train(plain, Blobs(), 160, 0, device=CPU)
    assert not averaged.networks.training
    mine, theirs = averaged.networks.state_dict(), plain.networks.state_dict()
    key = "generator.head.weight"
    assert not torch.equal(mine[key], theirs[key])
    key = "discriminator.head.weight"
    assert torch.equal(mine[key], theirs[key])


class Spy(Family):
    """Two phases; records which images each player is shown. Its losses are what `losses` says."""

    Settings = FamilySettings
    value = 1.0

    def build(self) -> nn.ModuleDict:
        self.seen: dict[str, list[int]] = {"critic": [], "actor": [], "late": []}
        return nn.ModuleDict({"network": nn.Linear(1, 1, bias=False)})

    def phases(self) -> tuple[Phase, ...]:
        critic = self.player("critic", updates=3)
        actor = self.player("actor", sees_data=False)
        return (
            Phase((critic, actor), name="first", share=0.5),
            Phase((self.player("late"),), name="second", share=0.5),
        )

    def player(self, name: str, **options: Any) -> Player:
        def loss(networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
            self.seen[name].append(int(batch.labels[0]))
            return {"loss": self.value * networks["network"].weight.square().sum()}

        return Player(name, ("network",), lambda n, generator: {}, loss, Adam(), **options)


class Counting:
    """Batches whose labels are their own index."""

    def batch(self, index: int) -> Batch:
        return Batch(torch.zeros(10, 1, 8, 8), torch.full((10,), index))


def test_each_update_sees_images_of_its_own_and_the_budget_counts_them_once() -> None:
    spy = Spy(FamilySettings(batch_size=10), ImageShape(1, 8))
    result = train(spy, Counting(), 118, 0, device=CPU)
    # Half of 118 images: 59 are two steps of three batches of ten, and six steps of one.
    assert spy.seen["critic"] == [0, 1, 2, 3, 4, 5]
    assert spy.seen["actor"] == [0, 3]
    assert spy.seen["late"] == [6, 7, 8, 9, 10, 11]
    assert (result.steps, result.images) == (8, 120)


def test_a_phase_resumes_within_itself(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, every_seconds=0)
    spy = Spy(FamilySettings(batch_size=10), ImageShape(1, 8))
    with pytest.raises(KeyboardInterrupt):
        train(spy, Counting(), 118, 0, device=CPU, checkpoints=checkpoints, report=interrupt_at(4))
    spy.seen["late"].clear()
    train(spy, Counting(), 118, 0, device=CPU, checkpoints=checkpoints)
    assert spy.seen["late"] == [8, 9, 10, 11]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_divergence_names_player_and_step(value: float) -> None:
    spy = Spy(FamilySettings(batch_size=10), ImageShape(1, 8))
    spy.value = value
    with pytest.raises(Diverged, match=r"the loss of critic was (nan|inf) by step 1") as caught:
        train(spy, Counting(), 100, 0, device=CPU)
    assert (caught.value.step, caught.value.player) == (1, "critic")


def test_about_a_hundred_readings_whatever_the_length() -> None:
    spy = Spy(FamilySettings(batch_size=10), ImageShape(1, 8))
    seen: list[Progress] = []
    result = train(spy, Counting(), 12_340, 0, device=CPU, report=seen.append)
    assert 50 <= len(result.curve) <= 100
    assert result.curve[-1].images == result.images >= 12_340
    assert [progress.images for progress in seen] == [point.images for point in result.curve]
    assert [progress.losses for progress in seen] == [point.losses for point in result.curve]
    assert result.curve[0].losses != result.curve[-1].losses
    assert seen[-1].step == seen[-1].steps == result.steps
    assert seen[-1].seconds == result.seconds > 0
