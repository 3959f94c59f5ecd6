"""Guidance as an exact combination of two denoisers."""

from __future__ import annotations

import pytest
import torch
from exact_denoisers import TwoGaussians

from harness.objectives.denoising import Denoised, NoiseLevel
from harness.samplers.guidance import guided

LEVEL = NoiseLevel(torch.tensor(3), torch.tensor(0.6).double(), torch.tensor(0.8).double())
CLASS, ALL = TwoGaussians(0.0, 0.2, 0.6), TwoGaussians(0.6, 0.2)
X = torch.linspace(-2, 2, 9, dtype=torch.float64).reshape(-1, 1, 1, 1)


@pytest.mark.parametrize("weight", [0.0, 0.5, 2.0, 4.0])
def test_the_guided_score_is_the_combination_of_both(weight: float) -> None:
    """The score is −ε/s, and x₀ fits ε."""
    made = guided(CLASS.denoise, ALL.denoise, weight)(X, LEVEL)
    scores = [-side.denoise(X, LEVEL).epsilon / LEVEL.noise for side in (ALL, CLASS)]
    expected = (1 - weight) * scores[0] + weight * scores[1]
    torch.testing.assert_close(-made.epsilon / LEVEL.noise, expected)
    torch.testing.assert_close(LEVEL.signal * made.x0 + LEVEL.noise * made.epsilon, X)


def test_weight_one_is_the_conditional_model_alone() -> None:
    def never(x: torch.Tensor, level: NoiseLevel) -> Denoised:
        raise AssertionError("evaluated")

    made, expected = guided(CLASS.denoise, never, 1.0)(X, LEVEL), CLASS.denoise(X, LEVEL)
    assert torch.equal(made.x0, expected.x0)
    assert torch.equal(made.epsilon, expected.epsilon)
