"""Diffusion models and flows of several phases, killed where one ends and the next begins."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ramps import ramps_family

from harness.families.base import Family
from harness.training.checkpoint import Checkpoints
from harness.training.loop import train
from harness.training.stopping import Stopped

CPU = torch.device("cpu")
STEPS = 4
RECIPES = {
    "diffusion/distilled-4-steps": 3,
    "diffusion/consistency": 2,
    "flow/rectified": 2,
    "diffusion/latent": 2,
}
"""Recipes, and how many phases each has."""


def trained(name: str, folder: Path | None = None, stop_at: int = 0) -> Family:
    """The recipe's model after a few steps of each phase, or Stopped after `stop_at` of them."""
    family, batches = ramps_family(name)
    steps = 0

    def stop() -> bool:
        nonlocal steps
        steps += 1
        return steps == stop_at

    checkpoints = None if folder is None else Checkpoints(folder, every_seconds=0)
    images = STEPS * RECIPES[name] * batches.size
    train(family, batches, images, 0, device=CPU, checkpoints=checkpoints, stop=stop)
    return family


@pytest.mark.parametrize("name", RECIPES)
def test_a_kill_at_a_boundary_leaves_the_same_bits(name: str, tmp_path: Path) -> None:
    phases = ramps_family(name)[0].phases()
    assert len(phases) == RECIPES[name]
    whole = trained(name).networks.state_dict()
    at = round(STEPS * RECIPES[name] * phases[0].share)
    with pytest.raises(Stopped):
        trained(name, tmp_path, stop_at=at)
    resumed = trained(name, tmp_path).networks.state_dict()
    assert whole.keys() == resumed.keys()
    for key, tensor in whole.items():
        assert torch.equal(tensor, resumed[key]), key
