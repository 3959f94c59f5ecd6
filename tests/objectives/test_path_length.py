"""Path length regularisation, against closed forms and finite differences."""

from __future__ import annotations

import pytest
import torch

from harness.networks.style import StyleGenerator
from harness.objectives.path_length import path_length_penalty, path_lengths


def test_of_a_linear_generator_the_length_is_that_of_the_transposed_matrix_times_the_direction():
    """One layer, g(w) = Aw: J_wᵀy = Aᵀy. Of two layers that are added up, the root mean square."""
    torch.manual_seed(0)
    a = torch.randn(8, 3).double()
    y = torch.randn(5, 2, 2, 2).double()
    expected = (y.flatten(1) @ a).norm(dim=1)
    for layers in (1, 2):
        styles = torch.randn(5, layers, 3).double()
        lengths = path_lengths(lambda w: (w.sum(dim=1) @ a.T).view(-1, 2, 2, 2), styles, y)
        torch.testing.assert_close(lengths, expected)


def test_the_penalty_is_the_mean_squared_distance_from_the_mean_length():
    lengths, mean = torch.tensor([1.0, 2.0, 4.0]), torch.tensor(2.0)
    assert path_length_penalty(lengths, mean).item() == pytest.approx((1 + 0 + 4) / 3)


def test_gradients_for_the_weights_are_those_of_finite_differences():
    torch.manual_seed(0)
    network = StyleGenerator(3, 1, 8, 2, latent=4, mapping=1, second=True).double()
    noise = [n.double() for n in network.draw_noise(3, torch.Generator().manual_seed(0))]
    z, y = torch.randn(3, 3).double(), torch.randn(3, 1, 8, 8).double()

    def penalty() -> torch.Tensor:
        styles = network.styles(z)
        lengths = path_lengths(lambda w: network.synthesise(w, noise), styles, y)
        return path_length_penalty(lengths, torch.tensor(0.5).double())

    penalty().backward()
    weights = {
        name: w for name, w in network.named_parameters()
        if name in ("layers.1.weight", "layers.2.style.weight", "images.1.weight", "constant")
    }  # fmt: skip
    assert len(weights) == 4
    for name, weight in weights.items():
        direction = torch.randn_like(weight)
        sides = []
        for step in (1e-6, -2e-6):
            with torch.no_grad():
                weight.add_(step * direction)
            sides.append(penalty().item())
        with torch.no_grad():
            weight.add_(1e-6 * direction)
        expected = (sides[0] - sides[1]) / 2e-6
        assert abs(expected) > 1e-4, name
        assert weight.grad is not None
        found = (weight.grad * direction).sum().item()
        assert found == pytest.approx(expected, rel=1e-5), name
