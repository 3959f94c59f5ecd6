"""Penalties on discriminators whose slopes are known, and their gradients for the weights."""

import pytest
import torch
from torch import nn

from harness.objectives.penalties import (
    PENALTIES,
    dragan,
    gradient_penalty,
    lipschitz_penalty,
    r1,
    r2,
    slopes,
)


def half_square(x: torch.Tensor) -> torch.Tensor:
    """D(x) = ½‖x‖², whose slope is x."""
    return 0.5 * x.square().flatten(1).sum(1, keepdim=True)


REAL, FAKE = torch.full((3, 1, 2, 2), 2.0), torch.zeros(3, 1, 2, 2)
NOISE = {"mix": torch.tensor([0.0, 0.25, 0.75]), "perturbation": torch.full((3, 1, 2, 2), 0.5)}


def test_slopes_are_those_of_autograd():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 8), torch.nn.Softplus(),
                              torch.nn.Linear(8, 1)).double()  # fmt: skip
    x = torch.randn(5, 1, 2, 2).double().requires_grad_()
    (expected,) = torch.autograd.grad(net(x).sum(), x)
    torch.testing.assert_close(slopes(net, x), expected.flatten(1))


def test_the_gradient_penalty_looks_between_real_and_made_images():
    """With 2 against 0 and a share ε of the former, ‖x̂‖ is 4ε: 0, 1 and 3."""
    assert gradient_penalty(half_square, REAL, FAKE, NOISE).item() == pytest.approx((1 + 0 + 4) / 3)


def test_a_slope_below_one_is_free_where_the_penalty_is_one_sided():
    assert lipschitz_penalty(half_square, REAL, FAKE, NOISE).item() == pytest.approx(4 / 3)


def test_r1_looks_at_real_images_and_r2_at_made_ones():
    assert r1(half_square, REAL, FAKE, NOISE).item() == pytest.approx(8.0)  # half of 4 · 2²
    assert r2(half_square, REAL, FAKE + 1, NOISE).item() == pytest.approx(2.0)


def test_dragan_looks_around_real_images_as_far_as_these_are_spread():
    """Of −1 and 1 in equal shares: s² = 4/3 over four values, and ½·s·u is s/4."""
    real = torch.tensor([1.0, -1.0, 1.0, -1.0]).view(4, 1, 1, 1).double()
    noise = {"perturbation": torch.full((4, 1, 1, 1), 0.5).double()}
    away = (4 / 3) ** 0.5 / 4
    expected = (((1 + away) - 1) ** 2 + ((1 - away) - 1) ** 2) / 2
    assert dragan(half_square, real, real, noise).item() == pytest.approx(expected)


@pytest.mark.parametrize("kind", PENALTIES)
def test_gradients_for_the_weights_are_those_of_finite_differences(kind: str):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.Softplus(), nn.Flatten(), nn.Linear(12, 1)
    ).double()  # fmt: skip
    with torch.no_grad():  # steep enough that a one-sided penalty has something to say
        net[3].weight *= 10
    real, fake = torch.randn(2, 4, 2, 4, 4).double()
    noise = {"mix": torch.rand(4).double(), "perturbation": torch.rand(4, 2, 4, 4).double()}

    def penalty() -> torch.Tensor:
        return PENALTIES[kind].compute(net, real, fake, noise)

    net.zero_grad()
    penalty().backward()
    for weight in (net[0].weight, net[3].weight):
        direction = torch.randn_like(weight)
        sides = []
        for step in (1e-5, -2e-5):
            with torch.no_grad():
                weight.add_(step * direction)
            sides.append(penalty().item())
        with torch.no_grad():
            weight.add_(1e-5 * direction)
        expected = (sides[0] - sides[1]) / 2e-5
        assert abs(expected) > 1e-3
        assert (weight.grad * direction).sum().item() == pytest.approx(expected, rel=1e-6)
