from __future__ import annotations

import pytest
import torch
from torch import nn

from harness.training.average import MovingAverage


def test_it_is_the_recursion_with_its_ramp() -> None:
    networks = nn.ModuleDict({"n": nn.BatchNorm1d(3)})
    weight, mean = networks["n"].weight, networks["n"].running_mean
    average = MovingAverage(networks, decay=0.3)
    expected = weight.detach().clone()
    generator = torch.Generator().manual_seed(0)
    for step in range(1, 6):
        with torch.no_grad():
            weight.copy_(torch.randn(3, generator=generator))
            mean.copy_(torch.randn(3, generator=generator))
        average.update(average.ema_weight(step))
        decay = min(0.3, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight.detach()
    average.adopt()
    torch.testing.assert_close(weight.detach(), expected)
    assert torch.equal(average.average["n"].running_mean, mean)


@pytest.mark.parametrize("steps", [50, 2000])
def test_of_a_steady_climb_it_lags_by_a_tenth_of_the_run_at_most(steps: int) -> None:
    """Of weights that grow by one each step it lags by about 1/(1 − decay) steps."""
    networks = nn.ModuleDict({"n": nn.Linear(1, 1, bias=False)})
    average = MovingAverage(networks, decay=0.999)
    for step in range(1, steps + 1):
        nn.init.constant_(networks["n"].weight, step)
        average.update(average.ema_weight(step))
    lag = steps - average.average["n"].weight.item()
    assert 0.05 * steps < lag < 0.15 * steps
