"""EDM's coefficients against table 1 of Karras et al. 2022."""

from __future__ import annotations

import math

import pytest
import torch

from harness.objectives.denoising import NoiseLevel, add_noise, network_denoiser
from harness.objectives.edm import (
    LogNormalProcess,
    c_in,
    c_noise,
    c_out,
    c_skip,
    edm_target,
    x0_weight,
)

DATA = 0.5
SIGMA = torch.tensor([0.002, 0.1, 0.5, 3.0, 80.0], dtype=torch.float64)


def test_coefficients_are_those_of_the_table() -> None:
    for sigma in SIGMA:
        s = sigma.item()
        assert c_skip(sigma, DATA).item() == pytest.approx(DATA**2 / (s**2 + DATA**2))
        assert c_out(sigma, DATA).item() == pytest.approx(s * DATA / math.hypot(s, DATA))
        assert c_in(sigma, DATA).item() == pytest.approx(1 / math.hypot(s, DATA))
        assert c_noise(sigma).item() == pytest.approx(math.log(s) / 4)
        expected = (s**2 + DATA**2) / (s * DATA) ** 2
        assert x0_weight(sigma, DATA).item() == pytest.approx(expected)


def test_the_networks_own_error_has_weight_one() -> None:
    """λ·c_out² = 1 (appendix B.6)."""
    weights = x0_weight(SIGMA, DATA) * c_out(SIGMA, DATA).square()
    torch.testing.assert_close(weights, torch.ones_like(SIGMA))
    snr = SIGMA.square().reciprocal()
    torch.testing.assert_close(edm_target(DATA).x0_weight(snr), x0_weight(SIGMA, DATA))


def test_input_and_target_have_unit_variance_for_data_of_the_deviation() -> None:
    generator = torch.Generator().manual_seed(0)
    x0, epsilon = torch.randn(2, 5, 1, 100, 100, generator=generator, dtype=torch.float64)
    level = NoiseLevel(c_noise(SIGMA), torch.ones(()), SIGMA[:, None, None, None])
    target = edm_target(DATA)
    x = add_noise(DATA * x0, epsilon, level)
    for values in (target.scaled(x, level), target.value(DATA * x0, epsilon, level)):
        for deviation in values.flatten(1).std(dim=1).tolist():
            assert deviation == pytest.approx(1, abs=0.02)


def test_a_perfect_output_gives_image_and_noise_back() -> None:
    generator = torch.Generator().manual_seed(0)
    x0, epsilon = torch.randn(2, 5, 1, 4, 4, generator=generator, dtype=torch.float64)
    level = NoiseLevel(c_noise(SIGMA), torch.ones(()), SIGMA[:, None, None, None])
    target = edm_target(DATA)
    x, out = add_noise(x0, epsilon, level), target.value(x0, epsilon, level)
    torch.testing.assert_close(target.x0(out, x, level), x0, rtol=0, atol=1e-9)
    torch.testing.assert_close(target.epsilon(out, x, level), epsilon, rtol=0, atol=1e-9)


def test_a_network_of_zeros_denoises_as_the_best_linear_map_does() -> None:
    """c_skip is the shrinkage of a Gaussian of the data's deviation."""
    x, sigma = torch.ones(2, 1, 2, 2), torch.tensor(1.5)
    level = NoiseLevel(c_noise(sigma), torch.ones(()), sigma)
    image = network_denoiser(lambda x, time: torch.zeros_like(x), edm_target(DATA))(x, level).x0
    torch.testing.assert_close(image, x * DATA**2 / (1.5**2 + DATA**2))


def test_levels_in_training_are_log_normal() -> None:
    process = LogNormalProcess(-1.2, 1.2)
    sigma = process.draw(20_000, torch.Generator().manual_seed(0))
    assert sigma.log().mean().item() == pytest.approx(-1.2, abs=0.03)
    assert sigma.log().std().item() == pytest.approx(1.2, abs=0.03)
    level = process(sigma[:3])
    assert torch.equal(level.noise.flatten(), sigma[:3])
    assert torch.equal(level.signal, torch.ones(3, 1, 1, 1))
    torch.testing.assert_close(level.time, sigma[:3].log() / 4)
    assert process.weight(sigma) is None
