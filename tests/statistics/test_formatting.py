import doctest
import math

import pytest

from harness.statistics import formatting


def test_the_examples_of_the_docstrings_hold():
    assert doctest.testmod(formatting).failed == 0


@pytest.mark.parametrize(
    ("half_width", "places"), [(1.0, 1), (9.9, 1), (10, 0), (0.0999, 3), (0, 3), (math.inf, 3)]
)
def test_two_significant_digits_of_the_uncertainty(half_width, places):
    assert formatting.decimals(half_width) == places


def test_numbers_that_are_not_finite_and_zero_without_a_sign():
    assert formatting.number(-math.inf) == "−∞"
    assert formatting.number(-0.0001, 2, signed=True) == "0.00"
    assert formatting.number(0.0) == "0"


def test_interval_and_level():
    assert formatting.interval(-1.234, 5.678) == "[−1.2, 5.7]"
    assert formatting.interval(0, 19.8) == "[0.0, 19.8]"
    assert formatting.interval(0, 20.2) == "[0, 20]"
    assert formatting.percent(0.9875) == "98.8 %"
