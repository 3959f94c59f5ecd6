"""The first losses of every shipped recipe, at a fixed seed.

A refactoring must not move them. Whoever means to change what is computed updates the table.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from harness.families import build_family
from harness.families.base import Shape
from harness.training.init import initialise
from harness.training.loop import train

MODELS = Path(__file__).parents[2] / "models"
GOLDEN: dict[str, dict[str, list[float]]] = {
    "autoencoder/conv": {
        "model/loss": [0.50687, 0.36565, 0.26032],
    },
    "vae/vae": {
        "model/loss": [691.3, 578.15, 478.4],
        "model/reconstruction": [686.66, 567.31, 456.95],
        "model/kl": [4.6359, 10.844, 21.449],
    },
    "gan/dcgan": {
        "discriminator/loss": [1.4264, 1.0468, 0.79947],
        "generator/loss": [1.1666, 1.3858, 1.6203],
    },
    "diffusion/ddpm": {
        "model/loss": [0.97941, 0.93575, 0.86349],
    },
}


class Ramps:
    """Batches of linear ramps, the same on every machine."""

    def batch(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        steepness = torch.linspace(-1, 1, 32).roll(index)[:, None, None, None]
        x = steepness * torch.linspace(-1, 1, 16).expand(32, 1, 16, 16)
        return x, torch.zeros(32, dtype=torch.int64)


def first_losses(name: str) -> dict[str, list[float]]:
    recipe: dict[str, Any] = yaml.safe_load((MODELS / f"{name}.yaml").read_text(encoding="utf-8"))
    settings = {key: value for key, value in recipe.items() if key not in {"family", "paper"}}
    family = initialise(lambda: build_family(recipe["family"], settings, Shape(1, 16)), seed=0)
    result = train(family, Ramps(), 3 * 32, seed=0, device=torch.device("cpu"))
    losses = [point.losses for point in result.curve]
    return {key: [step[key] for step in losses] for key in losses[0]}


@pytest.mark.parametrize("name", GOLDEN)
def test_first_losses_stay(name: str) -> None:
    found = first_losses(name)
    assert found.keys() == GOLDEN[name].keys()
    for key, values in GOLDEN[name].items():
        assert found[key] == pytest.approx(values, rel=2e-3), key


def test_every_shipped_recipe_is_in_the_table() -> None:
    shipped = {str(file.relative_to(MODELS).with_suffix("")) for file in MODELS.rglob("*.yaml")}
    assert shipped == GOLDEN.keys()
