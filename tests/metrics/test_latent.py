import pytest
import torch

from harness.core.errors import BadInput
from harness.metrics.base import Estimate
from harness.metrics.latent import active_units, latent_path_length


def test_active_units_are_those_whose_mean_varies():
    spread = torch.tensor([1.0, 0.11, 0.09, 0.0])  # variances 1, 0.0121, 0.0081, 0
    signs = torch.tensor([1.0, -1.0]).repeat(5000)[:, None]
    means = 3 + signs * spread
    assert active_units(means) == Estimate(2.0)
    assert active_units(means, delta=0.001).value == 3
    assert active_units(means[:, 3:]).value == 0


def test_a_variance_of_exactly_delta_is_not_active():
    means = torch.tensor([[0.0], [0.5]], dtype=torch.float64)  # variance 1/8
    assert active_units(means, delta=0.125).value == 0
    assert active_units(means, delta=0.124).value == 1


def test_path_length_is_the_mean_and_outliers_count():
    result = latent_path_length(torch.tensor([1.0, 2, 3, 94]))
    assert result.value == 25
    assert result.stderr == pytest.approx(float(torch.tensor([1.0, 2, 3, 94]).std()) / 2)


def test_bad_input_is_refused():
    with pytest.raises(BadInput, match="-1"):
        latent_path_length(torch.tensor([1.0, -1.0]))
    with pytest.raises(BadInput, match="at least 2"):
        active_units(torch.zeros(1, 3))
    with pytest.raises(BadInput, match="one row per image"):
        active_units(torch.zeros(5))
