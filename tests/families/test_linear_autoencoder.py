"""A linear autoencoder learns the principal subspace (Baldi & Hornik 1989)."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from harness.config.recipe import load_recipe
from harness.data import Batches, load_dataset
from harness.families import build_family
from harness.families.base import Family
from harness.metrics import principal_angle
from harness.plan import shape_of
from harness.training.init import initialise
from harness.training.loop import train

IMAGES = 600_000
"""The budget of the suite principal-subspace."""


def trained(name: str) -> Family:
    recipe, dataset = load_recipe(name), load_dataset("digits")
    build = partial(build_family, recipe.family, recipe.settings, shape_of(dataset))
    family = initialise(build, seed=0)
    device = torch.device("cpu")
    batches = Batches(dataset.train, family.settings.batch_size, 0, device)
    train(family, batches, IMAGES, seed=0, device=device)
    return family


@pytest.mark.parametrize("name", ["autoencoder/linear", "autoencoder/linear-tied"])
def test_its_error_and_subspace_are_those_of_pca(name: str) -> None:
    networks, pixels = trained(name).networks, load_dataset("digits").train.images
    decoder = networks["decoder"]
    with torch.no_grad():
        directions = (decoder(torch.eye(32)) - decoder(torch.zeros(1, 32))).flatten(1)
        x = pixels / 127.5 - 1
        error = (decoder(networks["encoder"](x)) - x).double().square().mean().item()
    assert principal_angle(pixels, directions).value < 5
    assert error == pytest.approx(optimum(x.flatten(1).double(), 32), rel=0.01)


def optimum(x: Tensor, components: int) -> float:
    """The mean squared error of the first principal components on what they are fitted to."""
    left = torch.linalg.svdvals(x - x.mean(dim=0))[components:]
    return float(left.square().sum() / x.numel())
