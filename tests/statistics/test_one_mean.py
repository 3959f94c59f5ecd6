import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from harness.statistics.intervals import paired
from harness.statistics.one_mean import ANY, OneMean


def one_mean(values, limits=ANY):
    contrast = paired(values)
    return OneMean(contrast.mean, contrast.se, contrast.df, limits)


VALUES = [0.91, 0.97, 0.95, 0.99]


def test_without_limits_it_is_students_t():
    ours, theirs = one_mean(VALUES), paired(VALUES)
    assert ours.interval(0.95) == pytest.approx(theirs.interval(0.95))
    assert ours.p_above(0.9) == pytest.approx(theirs.p_above(0.9))


def test_within_two_limits_it_is_the_interval_of_the_logit_of_the_mean():
    mean, se = np.mean(VALUES), stats.sem(VALUES)
    half = stats.t.ppf(0.975, 3) * se / (mean * (1 - mean))
    ends = special.expit(special.logit(mean) + np.array([-half, half]))
    assert one_mean(VALUES, (0.0, 1.0)).interval(0.95) == pytest.approx(tuple(ends))


def test_above_one_limit_it_is_the_interval_of_the_logarithm_of_the_mean():
    test = OneMean(3.0, 0.5, 4, (1.0, math.inf))
    half = stats.t.ppf(0.975, 4) * 0.5 / 2
    assert test.interval(0.95) == pytest.approx((1 + 2 * np.exp(-half), 1 + 2 * np.exp(half)))
    mirrored = OneMean(-3.0, 0.5, 4, (-math.inf, -1.0))
    assert mirrored.interval(0.95) == pytest.approx(tuple(-x for x in test.interval(0.95)[::-1]))


limits = st.sampled_from([ANY, (0.0, 1.0), (0.0, math.inf), (-math.inf, 1.0)])


@given(st.lists(st.floats(0.01, 0.99), min_size=3, max_size=8, unique=True), limits,
       st.floats(0.5, 0.9999), st.floats(0.0, 1.0))  # fmt: skip
def test_no_interval_leaves_the_range_or_disagrees_with_its_p_values(values, ends, level, margin):
    if max(values) - min(values) < 1e-6:
        return
    test = one_mean(values, ends)
    low, high = test.interval(level)
    assert ends[0] <= low <= high <= ends[1]
    if min(abs(low - margin), abs(high - margin)) > 1e-9 and 1e-9 < margin < 1 - 1e-9:
        assert (test.p_above(margin) < 1 - level) == (low > margin)
        assert (test.p_below(margin) < 1 - level) == (high < margin)


def test_a_mean_off_its_limit_lies_beyond_it_for_certain():
    test = one_mean(VALUES, (0.0, 1.0))
    assert test.p_above(0.0) < 1e-6
    assert test.p_below(1.0) < 1e-6
