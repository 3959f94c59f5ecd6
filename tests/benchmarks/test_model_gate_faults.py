"""The faults that the gate for fixed models is measured with are what they are called."""

import model_gate
import pytest
import torch
from torch import Tensor


def network(x: Tensor, step: int) -> Tensor:
    return x + step


def predictions(changed: model_gate.Network) -> list[float]:
    return [float(changed(torch.zeros(1), step)) for step in range(model_gate.STEPS)]


def test_the_denoiser_gives_the_mean_of_the_image_behind():
    """In one dimension by quadrature."""
    images, x, step = torch.tensor([[-0.5], [0.6]]), torch.tensor([[0.2]]), 20
    grid = torch.linspace(-2, 2, 40_001, dtype=torch.float64)
    prior = sum(torch.exp(-((grid - c) ** 2) / (2 * model_gate.WIDTH**2)) for c in (-0.5, 0.6))
    signal = float(model_gate.SIGNAL[step])
    posterior = prior * torch.exp(-((0.2 - signal * grid) ** 2) / (2 * (1 - signal**2)))
    expected = float((posterior * grid).sum() / posterior.sum())
    assert float(model_gate.Denoiser(images)(x, step)) == pytest.approx(expected, abs=1e-4)


def test_one_step_in_fifty_is_taken_for_another():
    steps = [float(step) for step in range(50)]
    steps[25] = 20.0
    assert predictions(model_gate.wrong_step(network)) == steps


def test_a_cache_repeats_every_second_prediction():
    assert predictions(model_gate.cached(network))[:6] == [0, 0, 2, 2, 4, 4]


def test_weights_are_rounded_to_three_bits_beside_the_first():
    weights = torch.linspace(0.05, 1, 2000)
    made = model_gate.rounded(weights)
    error = float(((made - weights) / weights).abs().max())
    assert 0.04 < error <= 2**-4 + 1e-6
    assert torch.equal(model_gate.rounded(made), made)


def test_a_black_frame_is_one_and_noise_a_share():
    images = torch.full((10, 1, 4, 4), 9, dtype=torch.uint8)
    assert [bool((each == 0).all()) for each in model_gate.black_frame(images)] == [True] + 9 * [
        False
    ]
    for share, count in ((0.0, 1), (0.5, 5)):
        changed = (model_gate.noise(share)(images) != images).flatten(1).any(dim=1)
        assert int(changed.sum()) == count
