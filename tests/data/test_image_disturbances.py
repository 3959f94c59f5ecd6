"""Disturbances of images do what they say, and no more."""

import pytest
import torch

from harness.data import load_dataset
from harness.data.disturbances import add_pixel_noise, blur, repeat_few

DIGITS = load_dataset("digits").train
GREY = torch.full((4, 3, 64, 64), 128, dtype=torch.uint8)


@pytest.mark.parametrize("level", [0.05, 0.1])
def test_noise_has_the_standard_deviation_that_is_asked_for(level: float):
    noise = add_pixel_noise(GREY, level, seed=0).double() - 128
    # Rounding to bytes adds a twelfth to the variance; of 49,152 values the error is 0.3 %.
    assert float(noise.var()) == pytest.approx((255 * level) ** 2 + 1 / 12, rel=0.03)
    assert abs(float(noise.mean())) < 4 * 255 * level / len(noise.flatten()) ** 0.5
    assert torch.equal(add_pixel_noise(GREY, level, seed=0), add_pixel_noise(GREY, level, seed=0))
    assert not torch.equal(
        add_pixel_noise(GREY, level, seed=0), add_pixel_noise(GREY, level, seed=1)
    )


def test_a_blur_is_a_gaussian_of_the_level_in_pixels_and_mixes_no_images_or_channels():
    points = torch.zeros(2, 2, 21, 21, dtype=torch.uint8)
    points[0, 0, 10, 10] = 255
    blurred = blur(points, 2.0).double()
    assert blurred[0, 1].abs().max() == blurred[1].abs().max() == 0
    place = torch.arange(21, dtype=torch.float64) - 10
    gaussian = (-place.square() / 8).exp()
    expected = 255 * gaussian[:, None] * gaussian / gaussian.sum() ** 2
    assert (blurred[0, 0] - expected).abs().max() <= 0.51  # rounded to bytes
    assert torch.equal(blur(GREY, 2.0), GREY)


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_each_class_keeps_its_number_of_images_of_which_a_share_differ(share: float):
    images, labels = DIGITS.images[:500], DIGITS.labels[:500]
    kept = repeat_few(images, labels, share)
    for label in range(10):
        members = images[labels == label]
        repeated = kept[labels == label]
        count = max(1, round(share * len(members)))
        assert len(repeated) == len(members)
        assert len(repeated.flatten(1).unique(dim=0)) == count
        assert torch.equal(repeated[:count], members[:count])
