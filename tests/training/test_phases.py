"""Phases: what they begin with, what they freeze, and that a kill anywhere leaves the same bits."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from recording import by_hand
from torch import Tensor, nn

from harness.data.base import Split
from harness.data.batch import Batch
from harness.data.loader import Batches
from harness.families.base import (
    PROGRESS,
    Family,
    FamilySettings,
    ImageShape,
    Losses,
    Noise,
    Phase,
    Player,
    TrainingImages,
)
from harness.families.optimizers import Adam
from harness.training.budget import depends_on_horizon, stages, until
from harness.training.checkpoint import Checkpoints, load_weights, save_weights
from harness.training.loop import Progress, TrainingResult, train
from harness.training.stopping import Stopped

CPU = torch.device("cpu")
SIZE, COUNT, BUDGET = 8, 40, 160


def images(batch_size: int = SIZE) -> Batches:
    draws = torch.Generator().manual_seed(5)
    pixels = torch.randint(0, 256, (COUNT, 1, 4, 4), generator=draws, dtype=torch.uint8)
    return Batches(Split(pixels, torch.arange(COUNT) % 2), batch_size, seed=3)


class Pool(nn.Module):
    """A `prepare` with state: gives the codes of the step before, and keeps those of this one."""

    kept: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kept", torch.zeros(SIZE // 2))

    def forward(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Noise:
        before = self.kept.clone()
        self.kept.copy_(noise["z"])
        return {**noise, "before": before}


class Staged(Family):
    """An encoder with batch normalisation, then a student of it in smaller batches, then a fit."""

    Settings = FamilySettings
    averaged = ("encoder",)

    def build(self) -> nn.ModuleDict:
        torch.manual_seed(1)

        def net() -> nn.Module:
            return nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))

        scale = nn.Module()
        scale.register_buffer("std", torch.ones(()))
        scale.register_buffer("mean", torch.zeros(()))
        return nn.ModuleDict({"encoder": net(), "student": net(), "teacher": net(), "scale": scale})

    def phases(self) -> tuple[Phase, ...]:
        optimizer = Adam(lr=0.01)
        first = Player("model", ("encoder",), gaussian, self.first_loss, optimizer)
        second = Player(
            "pupil", ("student",), gaussian, self.second_loss, optimizer,
            updates=2, reads_progress=True, after=self.follow, prepare=Pool(),
        )  # fmt: skip
        return (
            Phase((first,), name="first", share=0.5),
            Phase((second,), name="second", share=0.5, begin=self.begin, batch_size=SIZE // 2),
            Phase(name="third", share=0.0, begin=self.fit),
        )

    def first_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        return {"loss": (networks["encoder"](batch.x)[:, 0] - noise["z"]).square().mean()}

    def second_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        aim = networks["encoder"](batch.x) / networks["scale"].std
        error = (networks["student"](batch.x) - aim)[:, 0] - 0.1 * noise["before"]
        return {"loss": (1 + noise[PROGRESS]) * error.square().mean(), "progress": noise[PROGRESS]}

    def follow(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        for mine, other in zip(
            networks["teacher"].parameters(), networks["student"].parameters(), strict=True
        ):
            mine.lerp_(other, 0.5)
        weight = networks["student"][1].weight
        weight.clamp_(-0.2, 0.2)
        return {"at_bound": (weight.abs() == 0.2).float().mean()}

    def begin(
        self, networks: nn.ModuleDict, batches: TrainingImages, generator: torch.Generator
    ) -> None:
        networks["student"].load_state_dict(networks["encoder"].state_dict())
        codes = torch.cat([networks["encoder"](batch.x) for batch in batches.epoch()])
        networks["scale"].std.copy_(codes.std() + torch.rand((), generator=generator))

    def fit(
        self, networks: nn.ModuleDict, batches: TrainingImages, generator: torch.Generator
    ) -> None:
        codes = [networks["student"](batch.x) for batch in batches.epoch()]
        networks["scale"].mean.copy_(torch.cat(codes).mean())


def gaussian(n: int, generator: torch.Generator) -> Noise:
    return {"z": torch.randn(n, generator=generator)}


def untrained(kind: type[Family] = Staged) -> Family:
    return kind(FamilySettings(batch_size=SIZE, ema=0.9), ImageShape(1, 4))


def trained(kind: type[Family] = Staged, **options: Any) -> tuple[Family, TrainingResult]:
    family = untrained(kind)
    return family, train(family, images(), BUDGET, 0, device=CPU, **options)


def digest(state: Mapping[str, Tensor]) -> str:
    sha = hashlib.sha256()
    for name, tensor in state.items():
        sha.update(name.encode() + tensor.numpy().tobytes())
    return sha.hexdigest()


def test_without_begins_no_phase_starts_from_anything():
    family, result = trained()
    other, without = trained(begins=False)
    assert (result.steps, result.images) == (without.steps, without.images)
    assert 0 < result.begin_seconds < result.seconds
    assert float(family.networks["scale"].std) != 1
    assert float(other.networks["scale"].std) == 1, "as it was built"


def everything(family: Family) -> str:
    raw = {} if family.raw is None else family.raw.state_dict()
    return digest(family.networks.state_dict()) + digest(raw)


def test_phases_have_batches_of_their_own_size_and_follow_one_another() -> None:
    first, second, third = stages(untrained().phases(), BUDGET, SIZE)
    assert [(s.start, s.stop, s.step_images, s.images_before) for s in (first, second, third)] == [
        (0, 10, 8, 0),
        (10, 20, 8, 80),
        (20, 20, 8, 160),
    ]
    assert list(second.batches(10)) == [20, 21], "images 80 to 87 of the sequence"
    seen = torch.cat([images(SIZE // 2).batch(i).labels for i in (20, 21)])
    assert torch.equal(seen, images().batch(10).labels)


def test_progress_is_the_share_of_the_phase_that_is_done() -> None:
    _, result = trained()
    curves = [p.losses["pupil/progress"] for p in result.curve if "pupil/loss" in p.losses]
    assert curves == pytest.approx([step / 10 for step in range(10)])
    assert result.images == BUDGET


class Watching(Staged):
    """Notes the state of networks when phases begin."""

    def begin(
        self, networks: nn.ModuleDict, batches: TrainingImages, generator: torch.Generator
    ) -> None:
        self.before = {name: digest(net.state_dict()) for name, net in networks.items()}
        self.modes = [net.training for net in networks.values()]
        super().begin(networks, batches, generator)
        self.begun = {name: digest(net.state_dict()) for name, net in networks.items()}

    def fit(
        self, networks: nn.ModuleDict, batches: TrainingImages, generator: torch.Generator
    ) -> None:
        self.after = {name: digest(net.state_dict()) for name, net in networks.items()}
        self.frozen = [p.requires_grad for p in networks.parameters()]
        super().fit(networks, batches, generator)


def test_what_a_phase_does_not_train_keeps_weights_and_buffers() -> None:
    family, _ = trained(Watching)
    assert isinstance(family, Watching)
    for name in ("encoder", "scale"):
        assert family.begun[name] == family.after[name]
    assert family.begun["student"] != family.after["student"]
    assert family.begun["teacher"] != family.after["teacher"], "`after` may change it"
    assert family.before["encoder"] != digest(untrained().networks["encoder"].state_dict())
    assert not any(family.modes)
    assert not any(family.frozen)
    assert all(p.requires_grad for p in family.networks.parameters()), "in the end as it was made"
    assert not any(module.training for module in family.networks.modules())


def test_what_follows_sees_the_averaged_weights() -> None:
    class Alone(Staged):
        def phases(self) -> tuple[Phase, ...]:
            return super().phases()[:1]

    family, _ = trained(Watching)
    alone = untrained(Alone)
    train(alone, images(), BUDGET, 0, device=CPU)
    averaged = {f"encoder.{k}": v for k, v in family.networks["encoder"].state_dict().items()}
    expected = {f"encoder.{k}": v for k, v in alone.networks["encoder"].state_dict().items()}
    assert digest(averaged) == digest(expected)
    assert family.raw is not None
    assert alone.raw is not None
    assert digest(family.raw.state_dict()) == digest(alone.raw.state_dict())
    assert digest(family.raw.state_dict()) != digest(averaged)


def test_a_student_begins_with_its_teacher() -> None:
    family, _ = trained(Watching)
    assert isinstance(family, Watching)
    assert family.begun["student"] == family.begun["encoder"]


def interrupt_at(step: int) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        if progress.step == step:
            raise KeyboardInterrupt

    return report


@pytest.fixture(params=["off", "graph"])
def accelerate(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for module in ("loop", "state"):
        monkeypatch.setattr(
            f"harness.training.{module}.captures", lambda accelerate, _: accelerate == "graph"
        )
    monkeypatch.setattr("harness.training.step.cuda_graph", by_hand)
    return str(request.param)


@pytest.mark.parametrize("step", [1, 9, 10, 11, 15, 19, 20])
def test_a_kill_anywhere_leaves_the_same_bits(step: int, accelerate: str, tmp_path: Path) -> None:
    """In a phase, and at the boundary of each; steps replayed and not."""
    whole, result = trained()
    checkpoints = Checkpoints(tmp_path, every_seconds=0)
    with pytest.raises(KeyboardInterrupt):
        trained(accelerate=accelerate, checkpoints=checkpoints, report=interrupt_at(step))
    resumed, rest = trained(accelerate=accelerate, checkpoints=checkpoints)
    assert everything(resumed) == everything(whole)
    assert rest.curve == result.curve


@pytest.mark.parametrize("method", ["begin", "fit"])
@pytest.mark.parametrize("late", [False, True])
def test_a_kill_while_a_phase_begins_leaves_the_same_bits(
    method: str, late: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, result = trained()
    real = getattr(Staged, method)

    def killed(*arguments: Any) -> None:
        if late:
            real(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(Staged, method, killed)
    checkpoints = Checkpoints(tmp_path, every_seconds=0)
    with pytest.raises(KeyboardInterrupt):
        trained(checkpoints=checkpoints)
    monkeypatch.setattr(Staged, method, real)
    resumed, rest = trained(checkpoints=checkpoints)
    assert everything(resumed) == everything(whole)
    assert rest.curve == result.curve


def test_what_a_phase_began_with_is_not_made_again(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, every_seconds=math.inf)
    asked = iter([False] * 10 + [True])
    with pytest.raises(Stopped):
        trained(Watching, checkpoints=checkpoints, stop=lambda: next(asked))
    resumed, _ = trained(Watching, checkpoints=checkpoints)
    assert not hasattr(resumed, "begun")
    assert hasattr(resumed, "after")


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_training_fraction_is_the_whole_training_stopped_there(
    share: float, tmp_path: Path
) -> None:
    steps = round(20 * share)
    stopped = iter([False] * (steps - 1) + [True])
    checkpoints = Checkpoints(tmp_path, every_seconds=math.inf)
    with pytest.raises(Stopped):
        trained(checkpoints=checkpoints, stop=lambda: next(stopped))
    rest = untrained()
    part = round(share * BUDGET)
    options: dict[str, Any] = {"device": CPU, "horizon_images": BUDGET}
    train(rest, images(), part, 0, checkpoints=checkpoints, **options)
    straight = untrained()
    result = train(straight, images(), part, 0, **options)
    assert (result.steps, result.images) == (steps, part)
    assert everything(straight) == everything(rest)


def test_the_end_of_a_budget_falls_into_a_phase() -> None:
    plan = stages(untrained().phases(), BUDGET, SIZE)
    assert [(s.phase.name, s.stop) for s in until(plan, 1)] == [("first", 1)]
    assert [(s.phase.name, s.stop) for s in until(plan, 80)] == [("first", 10)]
    late = [(s.phase.name, s.stop) for s in until(plan, 81)]
    assert late == [("first", 10), ("second", 11), ("third", 11)], "what is fitted follows"


def test_a_horizon_matters_to_phases_progress_and_schedules() -> None:
    def phases(**options: Any) -> tuple[Phase, ...]:
        optimizer = options.pop("optimizer", Adam())
        return (Phase((Player("p", ("n",), gaussian, lambda *_: {}, optimizer, **options),)),)

    schedule = FamilySettings.model_validate({"optimizer": {"schedule": {"warmup": 100}}})
    decay = FamilySettings.model_validate({"optimizer": {"schedule": {"kind": "cosine"}}})
    assert not depends_on_horizon(phases())
    assert not depends_on_horizon(phases(optimizer=schedule.optimizer))
    assert depends_on_horizon(phases(optimizer=decay.optimizer))
    assert depends_on_horizon(phases(reads_progress=True))
    assert depends_on_horizon(untrained().phases())
    fitted = Phase(name="fit", share=0.0, begin=Staged.fit)
    assert not depends_on_horizon((*phases(), fitted)), "a fit follows whatever was trained"


class Fitted(Family):
    """Has no parameters: the mean of the training images, and nothing that trains."""

    Settings = FamilySettings

    def build(self) -> nn.ModuleDict:
        mean = nn.Module()
        mean.register_buffer("value", torch.zeros(1, 4, 4))
        return nn.ModuleDict({"mean": mean})

    def phases(self) -> tuple[Phase, ...]:
        return (Phase(name="fit", share=0.0, begin=self.fit),)

    def fit(
        self, networks: nn.ModuleDict, batches: TrainingImages, generator: torch.Generator
    ) -> None:
        everyone = torch.cat([batch.x for batch in batches.epoch()])
        assert len(everyone) == COUNT
        networks["mean"].value.copy_(everyone.mean(dim=0))


def test_a_model_may_be_fitted_without_a_step(tmp_path: Path) -> None:
    family, result = trained(Fitted, checkpoints=Checkpoints(tmp_path / "work"))
    assert (result.steps, result.images, result.curve) == (0, 0, ())
    pixels = torch.cat([images(COUNT).batch(0).x])
    torch.testing.assert_close(family.networks["mean"].value, pixels.mean(dim=0))
    assert family.device == CPU
    save_weights(family, tmp_path / "model.safetensors")
    again = untrained(Fitted)
    load_weights(again, tmp_path / "model.safetensors")
    assert everything(again) == everything(family)


class Counter(Family):
    """Has no parameters, and a player that learns by `after` alone."""

    Settings = FamilySettings
    averaged = ("sum",)

    def build(self) -> nn.ModuleDict:
        total = nn.Module()
        total.register_buffer("value", torch.zeros(()))
        return nn.ModuleDict({"sum": total})

    def phases(self) -> tuple[Phase, ...]:
        player = Player("model", ("sum",), gaussian, self.loss, Adam(), after=self.add)
        return (Phase((player,)),)

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        return {"loss": networks["sum"].value.clone()}

    def add(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> None:
        networks["sum"].value.add_(1)


def test_a_player_without_parameters_learns_by_what_follows_its_step() -> None:
    family, result = trained(Counter)
    assert float(family.networks["sum"].value) == result.steps == 20
    assert [point.losses for point in result.curve][-1] == {"model/loss": 19.0}
