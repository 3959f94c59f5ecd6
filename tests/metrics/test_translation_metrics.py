import pytest
import torch

from harness.metrics import colour_shift, cycle_error
from harness.spec.errors import BadInput


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


def test_colour_shift_sees_neither_brightness_nor_place():
    draws = torch.Generator().manual_seed(0)
    images = torch.randint(0, 128, (20, 3, 8, 8), generator=draws).to(torch.uint8)
    moved = images.flatten(2)[:, :, torch.randperm(64, generator=draws)].view_as(images)
    assert colour_shift(images, moved).value == pytest.approx(0, abs=1e-12)
    assert colour_shift(images, 2 * images).value == pytest.approx(0, abs=1e-12)
    assert colour_shift(images, images.flip(1)).value > 0.001


def test_cycle_error_is_the_mean_absolute_error():
    images = flat((0, 0, 0), (255, 255, 255))
    back = flat((51, 51, 51), (255, 255, 255))
    found = cycle_error(images, back)
    assert found.value == pytest.approx(0.1)
    assert found.stderr == pytest.approx(0.1)
    with pytest.raises(BadInput):
        cycle_error(images, back[:1])
