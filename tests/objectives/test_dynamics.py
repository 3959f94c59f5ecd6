"""Two players in games whose course is known."""

from __future__ import annotations

import cmath

import pytest
import torch
from torch import Tensor, nn

from harness.objectives.dynamics import Parameters, gradient_energy, simultaneous, unrolled


def bilinear(theta: Parameters, phi: Parameters) -> Tensor:
    """The first player's loss in the game f = θφ, −f."""
    return -theta["x"] * phi["x"]


def opposed(phi: Parameters, theta: Parameters) -> Tensor:
    """The second player's, f."""
    return theta["x"] * phi["x"]


def step(point: Tensor, rate: float, weight: float) -> Tensor:
    """Both players' gradient step, with `weight` of the penalty of consensus."""
    theta, phi = (value.clone().requires_grad_() for value in point)
    first, second = {"x": theta}, {"x": phi}
    loss = sum(simultaneous(bilinear, opposed, first, second))
    if weight:
        loss = loss + weight * gradient_energy(bilinear, opposed, first, second)
    return point - rate * torch.stack(torch.autograd.grad(loss, (theta, phi)))


def update_matrix(rate: float, weight: float) -> Tensor:
    """The linear map of a step."""
    return torch.stack([step(unit, rate, weight) for unit in torch.eye(2).double()], dim=1)


@pytest.mark.parametrize(("rate", "weight"), [(0.1, 0.0), (0.1, 0.5), (0.05, 10.0)])
def test_a_step_of_consensus_has_the_eigenvalues_of_the_theory(rate: float, weight: float):
    """v = (φ, −θ) and ½‖v‖² = ½(θ² + φ²): eigenvalues 1 − hγ ± ih."""
    eigenvalues = torch.linalg.eigvals(update_matrix(rate, weight)).tolist()
    expected = [complex(1 - rate * weight, sign * rate) for sign in (1, -1)]
    for value, theory in zip(sorted(eigenvalues, key=cmath.phase, reverse=True), expected,
                             strict=True):  # fmt: skip
        assert value == pytest.approx(theory, abs=1e-12)


def alternating(point: Tensor, rate: float) -> Tensor:
    theta, phi = point
    theta = theta + rate * phi
    return torch.stack([theta, phi - rate * theta])


def test_consensus_settles_where_other_steps_circle_or_leave():
    points = dict.fromkeys(("alternating", "simultaneous", "consensus"),
                           torch.tensor([1.0, 0.5]).double())  # fmt: skip
    start = points["consensus"].norm()
    for _ in range(400):
        points = {
            "alternating": alternating(points["alternating"], 0.1),
            "simultaneous": step(points["simultaneous"], 0.1, 0.0),
            "consensus": step(points["consensus"], 0.1, 1.0),
        }
    assert points["consensus"].norm() < 1e-6 * start
    assert 0.8 < points["alternating"].norm() / start < 1.25
    assert points["simultaneous"].norm() > 5 * start


def test_unrolled_steps_are_those_of_a_loop_that_autograd_goes_back_through():
    """Of a discriminator of two layers, by the gradient for what it is unrolled against."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    real = torch.randn(6, 3).double()
    fake = torch.randn(6, 3).double().requires_grad_()
    start = {name: value.detach() for name, value in net.named_parameters()}

    def outputs(parameters: Parameters, x: Tensor) -> Tensor:
        return torch.func.functional_call(net, dict(parameters), (x,))

    def loss(parameters: Parameters) -> Tensor:
        on_real, on_fake = outputs(parameters, real), outputs(parameters, fake)
        return nn.functional.softplus(-on_real).mean() + nn.functional.softplus(on_fake).mean()

    reached = unrolled(loss, start, steps=4, rate=0.3)
    (found,) = torch.autograd.grad(outputs(reached, fake).sum(), fake)

    w1, b1, w2, b2 = (value.clone().requires_grad_() for value in start.values())

    def by_hand(x: Tensor) -> Tensor:
        return (x @ w1.T + b1).tanh() @ w2.T + b2

    for _ in range(4):
        value = -by_hand(real).sigmoid().log().mean() - (1 - by_hand(fake).sigmoid()).log().mean()
        slopes = torch.autograd.grad(value, (w1, b1, w2, b2), create_graph=True)
        w1, b1, w2, b2 = (
            p - 0.3 * slope for p, slope in zip((w1, b1, w2, b2), slopes, strict=True)
        )
    (expected,) = torch.autograd.grad(by_hand(fake).sum(), fake)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(reached["0.weight"], w1, rtol=1e-10, atol=1e-12)
    direct = torch.autograd.grad(
        outputs({k: v.detach() for k, v in reached.items()}, fake).sum(), fake
    )
    assert (direct[0] - found).abs().max() > 1e-3  # what the look-ahead adds
