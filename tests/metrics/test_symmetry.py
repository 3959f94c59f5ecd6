import pytest
import torch

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.metrics.symmetry import symmetry_error


def test_mirrored_images_have_none_and_others_their_mean_squared_difference():
    assert symmetry_error(load_dataset("symmetric[train=20,test=1]").train.images).value == 0
    one = torch.tensor([[[[255, 0, 0, 0]]]], dtype=torch.uint8)
    assert symmetry_error(one).value == 0.5  # the first pixel and the last, of four
    both = torch.cat([one, torch.zeros_like(one)])
    estimate = symmetry_error(both)
    assert (estimate.value, estimate.stderr) == (0.25, pytest.approx(0.25))


def test_noise_has_twice_its_variance():
    draws = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (400, 1, 16, 16), generator=draws, dtype=torch.uint8)
    estimate = symmetry_error(noise)
    assert abs(estimate.value - 2 * (256**2 - 1) / 12 / 255**2) < 4 * estimate.stderr


def test_only_bytes_are_taken():
    with pytest.raises(BadInput, match="uint8"):
        symmetry_error(torch.rand(2, 1, 4, 4))
