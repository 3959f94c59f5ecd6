import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.statistics.cost_curve import common_quality, cost_curve

COSTS = np.array([1.0, 3.0, 7.0, 20.0])


def power_law(scale, exponent, costs=COSTS):
    """The curve of a distance that falls as scale · cost^−exponent."""
    distances = scale * costs**-exponent
    return cost_curve(np.log(costs), -np.log(distances))


@pytest.mark.parametrize("cost", [1.0, 2.2, 3.0, 11.0, 20.0])
def test_a_power_law_is_read_off_exactly(cost):
    curve = power_law(40.0, 0.7)
    assert curve.log_cost(-math.log(40 * cost**-0.7)) == pytest.approx(math.log(cost))


def test_two_power_laws_of_one_exponent_cost_a_constant_ratio():
    """40 c^−½ and 20 C^−½ are equal where c = 4 C, whatever points were measured."""
    dear, cheap = power_law(40.0, 0.5), power_law(20.0, 0.5, np.array([0.5, 2.0, 9.0]))
    quality = common_quality(dear, cheap)
    assert quality == dear.best
    ratio = dear.log_cost(quality) - cheap.log_cost(quality)
    assert ratio == pytest.approx(math.log(4))


def test_nothing_is_extrapolated():
    curve = power_law(40.0, 0.5)
    for cost in (0.9, 20.1):
        assert curve.log_cost(-math.log(40 * cost**-0.5)) is None


def test_points_out_of_order_are_averaged_with_their_neighbours():
    curve = cost_curve([0.0, 1.0, 2.0, 3.0], [0.0, 2.0, 1.0, 4.0])
    assert curve.log_costs == (0.0, 1.5, 3.0)
    assert curve.qualities == (0.0, 1.5, 4.0)
    falling = cost_curve([0.0, 1.0, 2.0], [3.0, 2.0, 1.0])
    assert (falling.log_costs, falling.qualities) == ((1.0,), (2.0,))


def test_one_point_has_its_own_quality_only():
    point = cost_curve([math.log(5.0)], [2.0])
    assert point.log_cost(2.0) == math.log(5.0)
    assert point.log_cost(2.1) is None


POINTS = st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=8)


@given(POINTS, st.randoms())
def test_any_points_make_a_rising_curve_whatever_their_order(points, rng):
    curve = cost_curve(*zip(*points, strict=True))
    assert all(np.diff(curve.qualities) > 0)
    assert all(np.diff(curve.log_costs) >= 0)
    costs, qualities = np.array(points).T
    assert costs.min() - 1e-9 <= curve.log_costs[0] <= curve.log_costs[-1] <= costs.max() + 1e-9
    assert curve.best <= qualities.max() + 1e-9
    rng.shuffle(points)
    assert cost_curve(*zip(*points, strict=True)) == curve
