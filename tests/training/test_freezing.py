"""What a phase does not train has no gradients, and stays in evaluation mode."""

from __future__ import annotations

import torch
from torch import nn

from harness.training.freezing import Trainable, evaluating


def networks() -> nn.ModuleDict:
    made = nn.ModuleDict({name: nn.Linear(2, 2) for name in ("encoder", "decoder", "start")})
    made["start"].requires_grad_(False)
    return made


def with_gradients(made: nn.ModuleDict) -> list[str]:
    return [
        name for name, network in made.items() if all(p.requires_grad for p in network.parameters())
    ]


def test_gradients_reach_what_is_trained_and_all_again_afterwards() -> None:
    made = networks()
    trainable = Trainable(made)
    trainable.freeze_all_but(["decoder"])
    assert with_gradients(made) == ["decoder"]
    assert [name for name, network in made.items() if network.training] == ["decoder"]
    trainable.freeze_all_but(["encoder"])
    assert with_gradients(made) == ["encoder"]
    trainable.release()
    assert with_gradients(made) == ["encoder", "decoder"], "what begins without gradients has none"


def test_parameters_that_networks_share_are_listed_once() -> None:
    made = networks()
    made["decoder"].weight = made["encoder"].weight
    of_both = Trainable(made).of(["encoder", "decoder"])
    assert len(of_both) == 3
    assert Trainable(made).of(["start"]) == []


def test_each_module_returns_to_its_mode() -> None:
    made = networks()
    made["decoder"].eval()
    with evaluating(made), torch.no_grad():
        assert not any(module.training for module in made.modules())
    assert [network.training for network in made.values()] == [True, False, True]
