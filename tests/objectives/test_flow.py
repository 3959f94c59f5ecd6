"""Flow matching's path and target, and pairing by optimal transport."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch

from harness.objectives.denoising import add_noise
from harness.objectives.flow import (
    TIME_SCALE,
    VELOCITY,
    UniformProcess,
    flow_level,
    optimal_transport,
)


def test_the_path_is_straight_and_its_velocity_the_target() -> None:
    generator = torch.Generator().manual_seed(0)
    x1, epsilon = torch.randn(2, 5, 1, 3, 3, generator=generator, dtype=torch.float64)
    t = torch.linspace(0, 1, 5, dtype=torch.float64)[:, None, None, None].requires_grad_()
    level = flow_level(t)
    x = add_noise(x1, epsilon, level)
    assert torch.equal(x[0], epsilon[0])
    assert torch.equal(x[-1], x1[-1])
    direction = torch.ones_like(t)
    _, slope = torch.autograd.functional.jvp(
        lambda t: add_noise(x1, epsilon, flow_level(t)), t, direction
    )
    velocity = VELOCITY.value(x1, epsilon, level)
    torch.testing.assert_close(velocity, slope)
    torch.testing.assert_close(VELOCITY.x0(velocity, x, level), x1)
    torch.testing.assert_close(VELOCITY.epsilon(velocity, x, level), epsilon)


def test_the_unweighted_loss_is_that_of_x0_under_its_weight() -> None:
    level = flow_level(torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)[:, None])
    x, x0, image = torch.randn(3, 3, 4, dtype=torch.float64)
    errors = [
        VELOCITY.value(side, (x - level.signal * side) / level.noise, level) for side in (x0, image)
    ]
    snr = (level.signal / level.noise).square()
    expected = VELOCITY.x0_weight(snr) * (x0 - image).square()
    torch.testing.assert_close((errors[0] - errors[1]).square(), expected)


def test_times_in_training_are_uniform() -> None:
    process = UniformProcess()
    t = process.draw(20_000, torch.Generator().manual_seed(0))
    assert t.min() >= 0
    assert t.max() < 1
    assert t.mean().item() == pytest.approx(0.5, abs=0.01)
    level = process(t[:3])
    assert level.signal.shape == (3, 1, 1, 1)
    assert torch.equal(level.time, TIME_SCALE * t[:3])


def test_pairs_have_the_least_squared_distance_of_all() -> None:
    generator = torch.Generator().manual_seed(0)
    x, epsilon = torch.randn(2, 5, 1, 2, 2, generator=generator)
    paired = optimal_transport(x, epsilon)

    def cost(rows: torch.Tensor) -> float:
        return (x - rows).square().sum().item()

    best = min(cost(epsilon[list(order)]) for order in permutations(range(5)))
    assert cost(paired) == pytest.approx(best)
    assert sorted(map(tuple, paired.flatten(1).tolist())) == sorted(
        map(tuple, epsilon.flatten(1).tolist())
    )
