import pytest
import torch

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.metrics import class_agreement, colour_shift, cycle_error


def flat(*colours: tuple[int, int, int]) -> torch.Tensor:
    return torch.tensor(colours, dtype=torch.uint8)[:, :, None, None].expand(-1, -1, 4, 4)


def test_colour_shift_of_known_colours():
    red, green, dim_red, grey, black = flat(
        (200, 0, 0), (0, 90, 0), (10, 0, 0), (50, 50, 50), (0, 0, 0)
    ).split(1)
    assert colour_shift(red, green).value == pytest.approx(1)
    assert colour_shift(red, dim_red).value == pytest.approx(0)
    assert colour_shift(red, grey).value == pytest.approx(2 / 3)
    assert colour_shift(black, grey).value == pytest.approx(0)
    both = colour_shift(torch.cat([red, red]), torch.cat([green, red]))
    assert both.value == pytest.approx(0.5)
    assert both.stderr == pytest.approx(0.5)
    assert both.over == "images"


def test_colour_shift_does_not_see_brightness_but_where_colours_are():
    draws = torch.Generator().manual_seed(0)
    images = torch.randint(0, 128, (20, 3, 8, 8), generator=draws).to(torch.uint8)
    moved = images.flatten(2)[:, :, torch.randperm(64, generator=draws)].view_as(images)
    assert colour_shift(images, 2 * images).value == pytest.approx(0, abs=1e-12)
    assert colour_shift(images, moved).value > 0.1
    assert colour_shift(images, images.flip(1)).value > 0.1


def test_noise_does_not_keep_colours():
    """Its mean is grey, and so nearly is that of three digits in three colours."""
    digits = load_dataset("stacked:digits[train=60,test=60,size=8]").test.images
    draws = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, digits.shape, generator=draws).to(torch.uint8)
    dimmed = digits // 2
    assert colour_shift(digits, dimmed).value < 0.01
    assert colour_shift(digits, noise).value > 0.25


def test_what_is_dark_in_both_has_no_colour():
    half = torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
    half[:, 0, 0] = 200  # red above, black below
    tinted = half.clone()
    tinted[:, 1, 1] = 100  # green where the source is black: a third of the translation's light
    # A black pixel is grey, green is 2/3 from it, and weighs half of its third.
    assert colour_shift(half, tinted).value == pytest.approx(2 / 3 * (1 / 3) / 2)


def test_cycle_error_is_the_mean_absolute_error():
    images = flat((0, 0, 0), (255, 255, 255))
    back = flat((51, 51, 51), (255, 255, 255))
    found = cycle_error(images, back)
    assert found.value == pytest.approx(0.1)
    assert found.stderr == pytest.approx(0.1)
    with pytest.raises(BadInput):
        cycle_error(images, back[:1])


def test_class_agreement_is_the_share_of_pairs_of_one_class():
    real = torch.eye(4)[torch.tensor([0, 1, 2, 3, 3])]
    made = 2 + torch.eye(4)[torch.tensor([0, 1, 2, 0, 1])]  # only the order of logits counts
    agreement = class_agreement(real, made)
    assert agreement.value == pytest.approx(0.6)
    assert agreement.stderr == pytest.approx((0.3 / 5) ** 0.5)
    assert agreement.over == "images"
    with pytest.raises(BadInput, match="differ in shape"):
        class_agreement(real, made[:, :3])
