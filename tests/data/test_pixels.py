import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.data import to_float, to_uint8
from harness.data.pixels import stored_as


def test_every_pixel_value_survives_the_way_there_and_back():
    values = torch.arange(256, dtype=torch.uint8)
    x = to_float(values)
    assert (x.min(), x.max()) == (-1, 1)
    assert torch.equal(to_uint8(x), values)


def test_halves_are_rounded_to_even():
    halves = torch.arange(255, dtype=torch.float64) + 0.5
    x = halves / 127.5 - 1
    exact = (x + 1) * 127.5 == halves
    assert exact.sum() > 50
    assert (to_uint8(x[exact]) % 2 == 0).all()


@given(st.floats(-1e6, 1e6))
def test_the_error_of_a_pixel_is_at_most_half_a_step(value):
    pixel = to_uint8(torch.tensor([value], dtype=torch.float64))
    inside = min(max(value, -1.0), 1.0)
    assert abs(float(pixel) - (inside + 1) * 127.5) <= 0.5 + 1e-9


def test_what_lies_outside_is_clamped_and_nan_is_refused():
    assert to_uint8(torch.tensor([-7.0, 7.0, torch.inf, -torch.inf])).tolist() == [0, 255, 255, 0]
    with pytest.raises(ValueError, match="NaN"):
        to_uint8(torch.tensor([0.0, torch.nan]))


def test_numbers_that_are_no_pixels_are_left_as_they_are():
    numbers = torch.tensor([-1.25, 0.1, 3.0])
    assert to_float(numbers) is numbers
    assert torch.equal(stored_as(torch.float32, numbers.double()), numbers)
    assert stored_as(torch.uint8, numbers).tolist() == [0, 140, 255]
    with pytest.raises(ValueError, match="NaN"):
        stored_as(torch.float32, numbers * torch.nan)
