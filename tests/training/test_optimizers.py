"""Each optimiser, schedule and bound of gradients against a loop by hand with torch's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from recording import by_hand
from torch import Tensor, nn

from harness.data.batch import Batch
from harness.families.base import (
    Family,
    FamilySettings,
    ImageShape,
    Losses,
    Noise,
    Phase,
    Player,
    PlayerSettings,
)
from harness.families.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from harness.training.checkpoint import Checkpoints
from harness.training.loop import TrainingResult, train

CPU = torch.device("cpu")
STEPS, SIZE = 20, 8


class TwoSettings(FamilySettings):
    """Two players; one may have an optimiser of its own."""

    second: PlayerSettings = PlayerSettings()


class Two(Family):
    """Two networks, each of which minimises its own error."""

    Settings = TwoSettings
    settings: TwoSettings

    def build(self) -> nn.ModuleDict:
        torch.manual_seed(0)
        return nn.ModuleDict({name: nn.Linear(4, 1) for name in ("first", "second")})

    def phases(self) -> tuple[Phase, ...]:
        common = self.settings.optimizer
        own = self.settings.second.optimizer or common
        return (Phase((player("first", common), player("second", own))),)


def player(name: str, optimizer: Optimizer) -> Player:
    def loss(networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        return {"loss": error(networks[name], batch)}

    return Player(name, (name,), lambda n, generator: {}, loss, optimizer)


def error(network: nn.Module, batch: Batch) -> Tensor:
    x = batch.x.flatten(1)
    value: Tensor = (network(x) - x.square().sum(dim=1, keepdim=True)).square().mean()
    return value


class Images:
    """Batches of SIZE random images."""

    def batch(self, index: int) -> Batch:
        generator = torch.Generator().manual_seed(index)
        return Batch(torch.randn(SIZE, 1, 2, 2, generator=generator), torch.zeros(SIZE).long())


def trained(settings: dict[str, Any], **options: Any) -> tuple[Family, TrainingResult]:
    family = Two(TwoSettings(batch_size=SIZE, **settings), ImageShape(1, 2))
    return family, train(family, Images(), STEPS * SIZE, 0, device=CPU, **options)


Make = Callable[[Any], torch.optim.Optimizer]
Rates = Callable[[torch.optim.Optimizer], torch.optim.lr_scheduler.LRScheduler]


def by_loop(
    name: str, make: Make, rates: Rates | None = None, clip: Callable[[Any], Any] | None = None
) -> tuple[nn.Module, list[float]]:
    """The network `name` after STEPS steps of torch's optimiser, and the norms of its gradients."""
    network = Two(TwoSettings(), ImageShape(1, 2)).networks[name]
    optimizer = make(network.parameters())
    schedule = rates(optimizer) if rates else None
    norms = []
    for index in range(STEPS):
        optimizer.zero_grad()
        error(network, Images().batch(index)).backward()
        norms.append(float(torch.cat([p.grad.flatten() for p in network.parameters()]).norm()))
        if clip:
            clip(network.parameters())
        optimizer.step()
        if schedule:
            schedule.step()
    return network, norms


def assert_same(family: Family, name: str, network: nn.Module) -> None:
    for mine, other in zip(family.networks[name].parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-7)


OPTIMISERS: dict[str, tuple[dict[str, Any], Make]] = {
    "adam": (
        {"lr": 0.02, "betas": [0.5, 0.9], "weight_decay": 0.1},
        lambda p: torch.optim.Adam(p, 0.02, (0.5, 0.9), weight_decay=0.1),
    ),
    "adamw": ({"kind": "adamw", "lr": 0.02}, lambda p: torch.optim.AdamW(p, 0.02)),
    "rmsprop": (
        {"kind": "rmsprop", "lr": 0.01, "alpha": 0.9, "momentum": 0.5},
        lambda p: torch.optim.RMSprop(p, 0.01, 0.9, momentum=0.5),
    ),
    "sgd": (
        {"kind": "sgd", "lr": 0.01, "momentum": 0.9, "nesterov": True},
        lambda p: torch.optim.SGD(p, 0.01, 0.9, nesterov=True),
    ),
}


@pytest.mark.parametrize("kind", OPTIMISERS)
def test_each_kind_steps_as_torch_does(kind: str) -> None:
    settings, make = OPTIMISERS[kind]
    family, result = trained({"optimizer": settings})
    network, norms = by_loop("first", make)
    assert_same(family, "first", network)
    found = [point.losses["first/gradient_norm"] for point in result.curve]
    assert found == pytest.approx(norms, rel=1e-4)


def test_a_player_has_the_learning_rate_that_its_own_settings_say() -> None:
    family, _ = trained(
        {"optimizer": {"lr": 1e-2, "betas": [0.5, 0.9]}, "second": {"optimizer": {"lr": 4e-2}}}
    )
    for name, lr in (("first", 1e-2), ("second", 4e-2)):

        def make(parameters: Any, lr: float = lr) -> torch.optim.Optimizer:
            return torch.optim.Adam(parameters, lr, (0.5, 0.9))

        assert_same(family, name, by_loop(name, make)[0])


def test_a_player_of_another_kind_takes_nothing_from_the_recipe() -> None:
    settings = TwoSettings.model_validate(
        {"optimizer": {"betas": [0.5, 0.9], "lr": 1e-4}, "second": {"optimizer": {"kind": "sgd"}}}
    )
    assert settings.second.optimizer == SGD()
    again = TwoSettings.model_validate(settings.model_dump(mode="json"))
    assert again == settings


def test_the_class_s_own_default_is_completed_too() -> None:
    class Slow(TwoSettings):
        optimizer: Any = Adam(lr=1e-5, betas=(0.5, 0.9))

    completed = Slow.model_validate({"second": {"optimizer": {"lr": 1.0}}}).second.optimizer
    assert completed == Adam(lr=1.0, betas=(0.5, 0.9))


schedulers = torch.optim.lr_scheduler
SCHEDULES: dict[str, tuple[dict[str, Any], Rates]] = {
    "linear": (
        {"kind": "linear"},
        lambda o: schedulers.LinearLR(o, 1.0, 0.0, total_iters=STEPS),
    ),
    "linear from the middle": (
        {"kind": "linear", "start": 0.5, "end": 0.1},
        lambda o: schedulers.SequentialLR(
            o,
            [
                schedulers.ConstantLR(o, 1.0),
                schedulers.LinearLR(o, 1.0, 0.1, total_iters=STEPS // 2),
            ],
            [STEPS // 2],
        ),
    ),
    "cosine": ({"kind": "cosine"}, lambda o: schedulers.CosineAnnealingLR(o, STEPS)),
    "cosine after a warm-up": (
        {"kind": "cosine", "warmup": 0.25},
        lambda o: schedulers.SequentialLR(
            o,
            [
                schedulers.LinearLR(o, 1 / 5, 1.0, total_iters=4),
                schedulers.CosineAnnealingLR(o, 15),
            ],
            [5],
        ),
    ),
    "warm-up of images": (
        {"warmup": 5 * SIZE},
        lambda o: schedulers.LinearLR(o, 1 / 5, 1.0, total_iters=4),
    ),
    "step": (
        {"kind": "step", "milestones": [0.25, 0.75], "gamma": 0.5},
        lambda o: schedulers.MultiStepLR(o, [5, 15], 0.5),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("kind", OPTIMISERS)
def test_each_schedule_is_torch_s(kind: str, name: str) -> None:
    settings, make = OPTIMISERS[kind]
    schedule, rates = SCHEDULES[name]
    family, _ = trained({"optimizer": settings | {"schedule": schedule}})
    assert_same(family, "first", by_loop("first", make, rates)[0])


@pytest.mark.parametrize(
    ("clip", "by_torch"),
    [
        ({"norm": 0.5}, lambda p: nn.utils.clip_grad_norm_(p, 0.5)),
        ({"value": 0.05}, lambda p: nn.utils.clip_grad_value_(p, 0.05)),
    ],
)
def test_gradients_are_bounded_as_torch_does_and_logged_before(
    clip: dict[str, float], by_torch: Callable[[Any], Any]
) -> None:
    family, result = trained({"optimizer": {"kind": "sgd", "lr": 0.1, "clip": clip}})
    network, norms = by_loop("first", lambda p: torch.optim.SGD(p, 0.1), clip=by_torch)
    assert_same(family, "first", network)
    assert max(norms) > 0.5, "something is cut"
    found = [point.losses["first/gradient_norm"] for point in result.curve]
    assert found == pytest.approx(norms, rel=1e-4)


@pytest.fixture
def replaying(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("loop", "state"):
        monkeypatch.setattr(
            f"harness.training.{module}.captures", lambda accelerate, _: accelerate == "graph"
        )
    monkeypatch.setattr("harness.training.step.cuda_graph", by_hand)


@pytest.mark.usefixtures("replaying")
@pytest.mark.parametrize("kind", OPTIMISERS)
def test_replayed_and_resumed_steps_of_a_schedule_have_the_same_bits(
    kind: str, tmp_path: Path
) -> None:
    schedule = {"kind": "cosine", "warmup": 0.2}
    settings = OPTIMISERS[kind][0] | {"schedule": schedule, "clip": {"norm": 1.0}}
    plain, result = trained({"optimizer": settings})
    replayed, same = trained({"optimizer": settings}, accelerate="graph")
    assert same.curve == result.curve

    def interrupt(progress: Any) -> None:
        if progress.step == 7:
            raise KeyboardInterrupt

    checkpoints = Checkpoints(tmp_path, every_seconds=0)
    with pytest.raises(KeyboardInterrupt):
        trained(
            {"optimizer": settings}, accelerate="graph", checkpoints=checkpoints, report=interrupt
        )
    resumed, rest = trained({"optimizer": settings}, accelerate="graph", checkpoints=checkpoints)
    assert rest.curve == result.curve
    for key, tensor in plain.networks.state_dict().items():
        assert torch.equal(tensor, replayed.networks.state_dict()[key]), key
        assert torch.equal(tensor, resumed.networks.state_dict()[key]), key


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        ({"kind": "lion"}, "kind should be adam, adamw, rmsprop or sgd"),
        ({"momentum": 0.9}, "Extra inputs"),
        ({"kind": "sgd", "nesterov": True}, "nesterov goes with a momentum above 0"),
        ({"clip": {"norm": 1.0, "value": 1.0}}, "clip takes one of norm and value"),
        ({"clip": {}}, "clip takes one of norm and value"),
        ({"schedule": {"kind": "exponential"}}, "kind should be constant, linear, cosine or step"),
        ({"schedule": {"kind": "step", "milestones": [0.5, 0.5]}}, "each above the one before"),
        ({"schedule": {"kind": "step"}}, "Field required"),
        ({"schedule": {"kind": "linear", "start": 1.0}}, "less than 1"),
        ({"betas": [0.9, 1.0]}, "less than 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(optimizer: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        FamilySettings.model_validate({"optimizer": optimizer})


@pytest.mark.parametrize("optimizer", [Adam(), AdamW(), RMSprop(), SGD()])
def test_what_is_written_out_is_read_back(optimizer: Optimizer) -> None:
    settings = FamilySettings.model_validate({"optimizer": optimizer.model_dump(mode="json")})
    assert settings.optimizer == optimizer
