"""Flow matching models."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.flow import Flow
from harness.objectives.flow import TIME_SCALE
from harness.samplers.settings import FLOW_SAMPLERS

SHAPE = ImageShape(1, 8, classes=3)


def flow(**settings: Any) -> Flow:
    torch.manual_seed(0)
    family = build_family("flow", {"width": 1, **settings}, SHAPE)
    family.networks.eval()
    assert isinstance(family, Flow)
    return family


def test_a_perfect_velocity_has_no_loss() -> None:
    family = flow()
    x = torch.linspace(-1, 1, 4)[:, None, None, None].expand(4, 1, 8, 8)
    noise = family.noise(4, torch.Generator().manual_seed(0))
    seen = {}

    def network(noisy: Tensor, time: Tensor) -> Tensor:
        seen.update(noisy=noisy, time=time)
        return x - noise["epsilon"]

    family.networks["denoiser"].forward = network
    batch = Batch(x, torch.zeros(4, dtype=torch.int64))
    assert family.loss(family.networks, batch, noise)["loss"].item() == 0
    t = noise["t"][:, None, None, None]
    torch.testing.assert_close(seen["noisy"], t * x + (1 - t) * noise["epsilon"])
    assert torch.equal(seen["time"], TIME_SCALE * noise["t"])


@pytest.mark.parametrize("kind", FLOW_SAMPLERS)
def test_a_constant_velocity_is_followed_exactly(kind: str) -> None:
    family = flow(sampling={"kind": kind, "steps": 4})
    family.networks["denoiser"].forward = lambda x, t: torch.full_like(x, 0.25)
    made = family.sample(3, torch.Generator().manual_seed(0))
    noise = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(made, (noise + 0.25).clamp(-1, 1))


def test_guidance_needs_images_without_a_condition() -> None:
    with pytest.raises(ValidationError, match="goes with condition_dropout"):
        flow(conditional=True, sampling={"guidance": 2.0})
    family = flow(conditional=True, condition_dropout=0.1, sampling={"guidance": 2.0, "steps": 2})
    assert family.sample(2, torch.Generator().manual_seed(0)).shape == (2, 1, 8, 8)


def test_optimal_transport_pairs_the_noise_before_each_step() -> None:
    family = flow(pairing="optimal-transport")
    (player,) = family.phases()[0].players
    x = torch.linspace(-1, 1, 8)[:, None, None, None].expand(8, 1, 8, 8)
    noise = player.noise(8, torch.Generator().manual_seed(0))
    assert player.prepare is not None
    batch = Batch(x, torch.zeros(8, dtype=torch.int64))
    paired = player.prepare(family.networks, batch, noise)
    assert torch.equal(paired["t"], noise["t"])
    distances = [(x - side["epsilon"]).square().sum() for side in (paired, noise)]
    assert distances[0] < distances[1]
    assert (paired["epsilon"].flatten(1).mean(dim=1).diff() >= 0).all()
    assert flow().phases()[0].players[0].prepare is None


def test_optimal_transport_goes_without_a_condition() -> None:
    with pytest.raises(ValidationError, match="goes without conditional and texts"):
        flow(conditional=True, pairing="optimal-transport")


def test_a_tolerance_is_of_rk45() -> None:
    with pytest.raises(ValidationError, match="tolerance goes with kind: rk45"):
        flow(sampling={"kind": "euler", "tolerance": 1e-3})
