"""What styles carry, on codes and factors whose answers are known."""

from __future__ import annotations

import math

import pytest
import torch

from harness.core.errors import BadInput
from harness.metrics.styles import coarse_from_early, fine_from_late, linear_separability

NAMES = ("shape", "x", "y", "colour")


def test_factors_that_are_linear_in_the_code_have_a_separability_of_one():
    torch.manual_seed(0)
    codes = torch.randn(400, 3)
    codes += 0.5 * codes.sign()  # a margin
    factors = (codes[:, :2] > 0).long()
    assert linear_separability(codes, factors, torch.zeros(400)).value == pytest.approx(1.0)


def test_factors_that_codes_say_nothing_of_have_that_of_their_entropy():
    """All codes are alike, so that a machine can but say one value of each factor."""
    codes = torch.ones(320, 2)
    factors = torch.cartesian_prod(torch.arange(2), torch.arange(4)).repeat_interleave(2, 0)
    value = linear_separability(codes, factors.repeat(20, 1), torch.zeros(320)).value
    assert value == pytest.approx(2 * 4)


def test_a_factor_of_one_value_adds_nothing():
    torch.manual_seed(0)
    codes, distances = torch.randn(100, 3), torch.rand(100)
    factors = torch.zeros(100, 2, dtype=torch.int64)
    assert linear_separability(codes, factors, distances).value == 1.0


def test_only_the_surer_half_counts():
    torch.manual_seed(0)
    codes = torch.randn(400, 2)
    codes += 0.5 * codes.sign()
    factors = (codes[:, :1] > 0).long()
    unsure = torch.arange(400) % 4 < 2
    factors[unsure] = torch.randint(0, 2, (200, 1))
    assert linear_separability(codes, factors, unsure.float()).value == pytest.approx(1.0)
    assert linear_separability(codes, factors, (~unsure).float()).value > 1.5


def test_an_exclusive_or_is_not_linear():
    torch.manual_seed(0)
    codes = torch.randn(2000, 2)
    factors = (codes[:, :1] * codes[:, 1:] > 0).long()
    value = linear_separability(codes, factors, torch.zeros(2000)).value
    assert value == pytest.approx(2.0, rel=0.03)


def mixes(rows: list[tuple[list[int], list[int], list[int]]]) -> torch.Tensor:
    return torch.tensor(rows)


def test_what_is_of_either_code_is_counted_and_all_else_is_not():
    rows = mixes(
        [
            ([0, 0, 0, 0], [1, 1, 0, 1], [0, 1, 0, 1]),  # shape early, x late, y the same
            ([0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 2, 0]),  # shape and x early, y of neither
            ([2, 2, 2, 2], [2, 2, 2, 3], [2, 2, 2, 3]),  # nothing coarse differs
        ]
    )
    coarse = coarse_from_early(rows, NAMES)
    assert coarse.value == pytest.approx(3 / 4)
    fine = fine_from_late(rows, NAMES)
    assert fine.value == pytest.approx(2 / 3)
    residuals = [1 - 0.75 * 2, 2 - 0.75 * 2, 0]
    assert coarse.stderr == pytest.approx(math.hypot(*residuals) / 4)


def test_an_image_of_the_later_code_has_nothing_of_the_earlier():
    first, second = torch.zeros(5, 4, dtype=torch.int64), torch.ones(5, 4, dtype=torch.int64)
    late = torch.stack([first, second, second], dim=1)
    assert coarse_from_early(late, NAMES).value == 0
    assert fine_from_late(late, NAMES).value == 1
    early = torch.stack([first, second, first], dim=1)
    assert coarse_from_early(early, NAMES).value == 1
    assert fine_from_late(early, NAMES).value == 0


def test_where_nothing_can_be_told_there_is_no_value():
    same = torch.zeros(5, 3, 4, dtype=torch.int64)
    with pytest.raises(BadInput, match="no mixed image"):
        coarse_from_early(same, NAMES)
    with pytest.raises(BadInput, match="no factor 'colour'"):
        fine_from_late(same[:, :, :3], NAMES[:3])
    with pytest.raises(BadInput, match="n×3×4"):
        coarse_from_early(same[:, :2], NAMES)
