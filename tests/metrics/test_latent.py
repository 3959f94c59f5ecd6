import math

import numpy as np
import pytest
import torch

from harness.core.errors import BadInput
from harness.metrics.base import Estimate
from harness.metrics.latent import active_units, latent_path_length, principal_angle


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


def plane_of(images, count):
    """The first principal components of images, by numpy's singular values."""
    values = images.flatten(1).double().numpy()
    return torch.tensor(np.linalg.svd(values - values.mean(axis=0))[2][:count])


IMAGES = torch.randint(0, 256, (60, 1, 3, 3), generator=torch.Generator().manual_seed(1)).byte()


def test_the_angle_between_the_same_subspace_is_zero_whatever_its_basis():
    mixed = torch.tensor([[2.0, 1.0], [0.5, -3.0]], dtype=torch.float64) @ plane_of(IMAGES, 2)
    assert principal_angle(IMAGES, mixed).value == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("degrees", [5.0, 40.0, 90.0])
def test_a_direction_turned_out_of_the_plane_gives_its_angle(degrees):
    first, second, third = plane_of(IMAGES, 3)
    turn = math.radians(degrees)
    turned = torch.stack([first, math.cos(turn) * second + math.sin(turn) * third])
    assert principal_angle(IMAGES, turned).value == pytest.approx(degrees, abs=1e-5)


def test_directions_that_span_less_leave_a_component_out():
    first = plane_of(IMAGES, 1)[0]
    assert principal_angle(IMAGES, torch.stack([first, 2 * first])).value == 90


def test_more_directions_than_images_are_refused():
    with pytest.raises(BadInput, match="2 components need more than 2 images"):
        principal_angle(IMAGES[:2], plane_of(IMAGES, 2))
