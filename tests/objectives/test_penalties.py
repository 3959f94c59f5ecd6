"""Penalties on discriminators whose slopes are known."""

import pytest
import torch

from harness.objectives.penalties import PENALTIES, gradient_penalty, r1, r2, slopes


def half_square(x: torch.Tensor) -> torch.Tensor:
    """D(x) = ½‖x‖², whose slope is x."""
    return 0.5 * x.square().flatten(1).sum(1, keepdim=True)


REAL, FAKE = torch.full((3, 1, 2, 2), 2.0), torch.zeros(3, 1, 2, 2)
MIX = torch.tensor([0.0, 0.25, 0.75])


def test_slopes_are_those_of_autograd():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 8), torch.nn.Softplus(),
                              torch.nn.Linear(8, 1)).double()  # fmt: skip
    x = torch.randn(5, 1, 2, 2).double().requires_grad_()
    (expected,) = torch.autograd.grad(net(x).sum(), x)
    torch.testing.assert_close(slopes(net, x), expected.flatten(1))


def test_the_gradient_penalty_looks_between_real_and_made_images():
    """With 2 against 0 and a share ε of the former, ‖x̂‖ is 4ε."""
    assert gradient_penalty(half_square, REAL, FAKE, MIX).item() == pytest.approx((1 + 0 + 4) / 3)


def test_r1_looks_at_real_images_and_r2_at_made_ones():
    assert r1(half_square, REAL, FAKE, MIX).item() == pytest.approx(8.0)  # half of 4 · 2²
    assert r2(half_square, REAL, FAKE + 1, MIX).item() == pytest.approx(2.0)


@pytest.mark.parametrize("kind", PENALTIES)
def test_penalties_can_be_minimised(kind: str):
    weight = torch.tensor(3.0, requires_grad=True)
    PENALTIES[kind](lambda x: weight * half_square(x), REAL, FAKE + 1, MIX).backward()
    assert weight.grad is not None
    assert weight.grad > 0
