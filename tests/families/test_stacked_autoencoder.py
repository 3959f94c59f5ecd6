"""Greedy stacking: a phase changes its own layers alone."""

from __future__ import annotations

import pytest
import torch
from ramps import Ramps

from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.stacked_autoencoder import StackedAutoencoder
from harness.training.init import initialise
from harness.training.loop import train

SMALL = {"width": 6, "depth": 2, "latent": 3, "batch_size": 32, "pretraining": 0.5}


def built() -> StackedAutoencoder:
    shape = ImageShape(1, 16)
    family = initialise(lambda: build_family("stacked-autoencoder", SMALL, shape), seed=0)
    assert isinstance(family, StackedAutoencoder)
    return family


def state(family: StackedAutoencoder) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in family.networks.state_dict().items()}


def test_each_phase_changes_its_own_layers_and_no_frozen_one() -> None:
    names = [phase.name for phase in built().phases()]
    assert names == ["layer-1", "layer-2", "layer-3", "fine-tuning"]
    # Phases of 2, 2, 2 and 6 steps, stopped after each: training on is to the bit the same.
    start = earlier = state(built())
    for steps, changed in ((2, {"1"}), (4, {"1", "2"}), (6, {"1", "2", "3"})):
        family = built()
        budget = 32 * steps
        train(
            family, Ramps(False), budget, seed=0, device=torch.device("cpu"),
            horizon_images=32 * 12,
        )  # fmt: skip
        after = state(family)
        moved = {name for name in after if not torch.equal(after[name], start[name])}
        assert {name.split(".")[0].split("-")[1] for name in moved} == changed
        last = str(steps // 2)
        for name in after:
            if not name.split(".")[0].endswith(last):
                assert torch.equal(after[name], earlier[name]), name
        earlier = after


def test_a_layers_loss_is_of_what_the_layers_below_give() -> None:
    family, batch = built(), Ramps(False).batch(0)
    networks = family.networks
    below = torch.nn.functional.leaky_relu(networks["down-1"](batch.x.flatten(1)), 0.2)
    code = torch.nn.functional.leaky_relu(networks["down-2"](below), 0.2)
    back = torch.nn.functional.leaky_relu(networks["up-2"](code), 0.2)
    loss = family.layer_loss(2, networks, batch, {})["loss"]
    assert float(loss.detach()) == pytest.approx(float((back - below).square().mean().detach()))
    slopes = torch.autograd.grad(loss, [networks["down-1"].weight], allow_unused=True)
    assert slopes == (None,)


def test_the_whole_is_the_layers_one_after_the_other() -> None:
    family, x = built(), Ramps(False).batch(0).x[:5]
    assert family.encode(x).shape == (5, 3)
    assert torch.equal(family.decode(family.encode(x)), family.reconstruct(x))
    loss = family.loss(family.networks, Ramps(False).batch(0), {})["loss"]
    rebuilt = family._up(family.networks, family.encode(Ramps(False).batch(0).x))
    expected = (rebuilt - Ramps(False).batch(0).x).square().mean()
    torch.testing.assert_close(loss, expected)
