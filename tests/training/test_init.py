from __future__ import annotations

import torch

from harness.families import build_family
from harness.families.base import Family, ImageShape
from harness.training.init import initialise


def weights(seed: int) -> torch.Tensor:
    def build() -> Family:
        return build_family("autoencoder", {"width": 4}, ImageShape(1, 8))

    return initialise(build, seed).networks["encoder"].head.weight


def test_the_seed_alone_decides_the_weights() -> None:
    torch.manual_seed(1)
    first = weights(0)
    torch.manual_seed(2)
    assert torch.equal(first, weights(0))
    assert not torch.equal(first, weights(1))


def test_nothing_leaks_into_the_global_generator() -> None:
    before = torch.random.get_rng_state()
    weights(0)
    assert torch.equal(torch.random.get_rng_state(), before)
