"""The diffusion transformer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from harness.core.errors import BadInput
from harness.networks.dit import DiT, DiTSettings

SMALL = DiTSettings(patch=2, width=8, depth=2, heads=2)


def images(n: int = 2) -> torch.Tensor:
    return torch.randn(n, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def test_it_starts_as_zero_and_every_weight_learns() -> None:
    network = DiT(3, 8, SMALL, classes=4)
    x, t, labels = images(), torch.tensor([3, 500]), torch.tensor([0, 3])
    assert not network(x, t, labels).any()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2)
    gradients = torch.autograd.grad(
        network(x, t, labels).square().sum(), list(network.parameters())
    )
    assert all(gradient.any() for gradient in gradients)


def test_the_small_model_of_the_paper_has_its_size() -> None:
    """DiT-S: 12 blocks of width 384, 33 million parameters on latents 4×32×32 (table 1). The
    paper's also predicts variances, and its time embedding is 256 wide.
    """
    with torch.device("meta"):
        network = DiT(4, 32, DiTSettings(patch=2, width=384, depth=12, heads=6), classes=1001)
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == pytest.approx(33e6, rel=0.02)


def test_class_and_time_matter() -> None:
    network = DiT(3, 8, SMALL, classes=4)
    torch.manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2)
    x, t, labels = images(), torch.tensor([3, 500]), torch.tensor([0, 3])
    made = network(x, t, labels)
    assert made.shape == x.shape
    assert not torch.allclose(network(x, t + 100, labels), made)
    assert not torch.allclose(network(x, t, labels - labels), made)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [({"patch": 3}, "does not divide 8 pixels"), ({"heads": 3}, "have to divide it")],
)
def test_sizes_that_do_not_fit_are_refused(settings: Any, fault: str) -> None:
    with pytest.raises(BadInput, match=fault):
        DiT(3, 8, SMALL.model_copy(update=settings))
