"""Several processes that share a model's batches make the steps that one makes on whole batches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import ImageShape, Losses, Noise, Player
from harness.families.optimizers import Adam
from harness.networks.normalisation import statistics_kept
from harness.training import data_parallel
from harness.training.data_parallel import SharedBatchNorm
from harness.training.init import initialise
from harness.training.loop import train
from harness.training.numerics import Numerics
from harness.training.process_group import gang

FAMILIES: dict[str, dict[str, Any]] = {
    "vae": {"width": 4, "latent": 8, "sigma": 0.5},  # batch normalisation, three losses
    "gan": {"width": 4, "latent": 8, "ema": 0.9},  # two players
    "diffusion": {"width": 1, "ema": 0.9},  # noise that is drawn for each image
    "vq": {  # two phases, and a codebook that follows means without gradients
        "width": 8,
        "factor": 2,
        "entries": 4,
        "code_width": 2,
        "codebook": "average",
        "prior": {"width": 4, "layers": 1},
    },
}
STEPS, BATCH = 12, 8
OF_BATCHES = ("/perplexity", "/usage")
"""What is logged of a batch, and is not the mean of its parts."""
Trained = dict[str, tuple[list[dict[str, float]], dict[str, Tensor]]]


class Noisy:
    """Batches of random images."""

    def batch(self, index: int) -> Batch:
        generator = torch.Generator().manual_seed(index)
        images = torch.rand(BATCH, 1, 8, 8, generator=generator) * 2 - 1
        return Batch(images, torch.zeros(BATCH, dtype=torch.int64))


def train_all() -> Trained:
    """Curves and weights of each family, in double precision: an error would not be rounding."""
    torch.set_default_dtype(torch.float64)
    try:
        return {name: trained(name) for name in FAMILIES}
    finally:
        torch.set_default_dtype(torch.float32)


def trained(name: str) -> tuple[list[dict[str, float]], dict[str, Tensor]]:
    settings = {"batch_size": BATCH, **FAMILIES[name]}
    family = initialise(lambda: build_family(name, settings, ImageShape(1, 8)), seed=3)
    if data_parallel.is_spread():
        data_parallel.prepare_family(family, Noisy().batch(0), torch.Generator())
    result = train(family, Noisy(), STEPS * BATCH, 3, device=torch.device("cpu"))
    return [point.losses for point in result.curve], dict(family.networks.state_dict())


def assist(_: Numerics) -> None:
    train_all()


@pytest.fixture(scope="module")
def alone() -> Trained:
    return train_all()


@pytest.fixture(scope="module")
def together() -> Trained:
    with gang(Numerics.resolve("cpu", processes=2), assist):
        found = train_all()
    assert not data_parallel.is_spread(), "the group ends with the block"
    return found


@pytest.mark.parametrize("name", FAMILIES)
def test_two_processes_train_as_one_on_the_same_batches(
    name: str, alone: Trained, together: Trained
) -> None:
    (expected, weights), (curve, found) = alone[name], together[name]
    assert len(curve) == len(expected) >= STEPS
    for point, same in zip(curve, expected, strict=True):
        of_means = [name for name in point if not name.endswith(OF_BATCHES)]
        assert {n: point[n] for n in of_means} == pytest.approx(
            {n: same[n] for n in of_means}, rel=1e-9
        )
    assert found.keys() == weights.keys(), "what is saved has the same names"
    for key, tensor in weights.items():
        torch.testing.assert_close(found[key], tensor, rtol=1e-7, atol=1e-9)


def fails(_: Numerics) -> None:
    raise ValueError("no luck")


def test_a_process_that_fails_is_heard_of() -> None:
    with (
        pytest.raises(RuntimeError, match="a process that helps failed: ValueError: no luck"),
        gang(Numerics.resolve("cpu", processes=2), fails),
    ):
        torch.distributed.all_reduce(torch.ones(1))


def batch(count: int = 8) -> Batch:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(count, 1, 4, 4, generator=generator)
    return Batch(images, torch.arange(count), mask=images > 0)


def test_rows_are_of_all_that_has_some() -> None:
    noise = {"z": torch.arange(8.0), "angle": torch.tensor(0.5), "grid": torch.arange(3)}
    part, some = data_parallel.rows(batch(), noise, 2, 4)
    assert part.labels.tolist() == some["z"].tolist() == [2, 3, 4, 5]
    assert part.mask is not None
    assert part.mask.shape == (4, 1, 4, 4)
    assert part.source is None
    assert (some["angle"], some["grid"].tolist()) == (0.5, [0, 1, 2])


def player(loss: Any) -> Player:
    return Player("model", ("net",), lambda n, generator: {}, loss, Adam())


def check(loss: Any, net: nn.Module) -> None:
    data_parallel._check(nn.ModuleDict({"net": net}), player(loss), batch(), {}, parts=2)


def mean_square(networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
    return {"loss": networks["net"](batch.x).square().mean()}


def test_a_mean_over_images_can_be_spread_also_through_batch_normalisation() -> None:
    check(mean_square, nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)))


def test_a_loss_that_compares_images_cannot_be_spread() -> None:
    def spread_out(networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        return {"loss": networks["net"](batch.x).flatten(1).std(dim=0).mean()}

    with pytest.raises(BadInput, match="loss of model compares the images of a batch"):
        check(spread_out, nn.Conv2d(1, 2, 3))


class Follower(nn.Module):
    """Remembers the mean of what it saw, as the codebook of a VQ-VAE does."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.mean.lerp_(x.mean(), 0.1)
        return x


def test_a_network_that_learns_without_gradients_cannot_be_spread() -> None:
    with pytest.raises(BadInput, match=r"net.1.mean learns from batches without gradients"):
        check(mean_square, nn.Sequential(nn.Conv2d(1, 2, 3), Follower()))


def test_batches_that_do_not_divide_are_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 3)
    family = build_family("vae", FAMILIES["vae"], ImageShape(1, 8))
    with pytest.raises(BadInput, match="batches of 8 images cannot be shared by 3 processes"):
        data_parallel.prepare_family(family, Noisy().batch(0), torch.Generator())


def test_shared_statistics_stay_while_they_are_kept() -> None:
    shared = SharedBatchNorm.of(nn.BatchNorm2d(2)).train()
    with statistics_kept(shared):
        shared._follow(torch.ones(2), torch.ones(2))
    assert not shared.running_mean.any()
    shared._follow(torch.ones(2), torch.ones(2))
    assert shared.running_mean.all()


def test_whole_batches_are_normalised_in_each_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process asks another: there is none here."""
    monkeypatch.setattr(data_parallel, "is_spread", lambda: True)
    plain, x = nn.BatchNorm2d(2).train(), torch.randn(4, 2, 3, 3)
    with data_parallel.whole_batches():
        made = SharedBatchNorm.of(nn.BatchNorm2d(2)).train()(x)
    torch.testing.assert_close(made, plain(x))
    with pytest.raises(ValueError, match="process group"):
        SharedBatchNorm.of(nn.BatchNorm2d(2)).train()(x)
