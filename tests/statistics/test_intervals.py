import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from harness.statistics.intervals import bca, paired, stratified, varies, welch

samples = st.lists(st.floats(-10, 10, allow_subnormal=False), min_size=3, max_size=12).filter(
    lambda values: np.std(values) > 1e-3
)


@given(samples)
def test_the_paired_interval_and_p_value_are_those_of_scipy(differences):
    theirs = stats.ttest_1samp(differences, 0.0)
    ours = paired(differences)
    assert ours.interval(0.9) == pytest.approx(tuple(theirs.confidence_interval(0.9)))
    assert min(ours.p_above(0), ours.p_below(0)) == pytest.approx(min(theirs.pvalue, 1))


@given(samples, st.floats(0.01, 5))
def test_equivalence_is_twice_the_tost_of_statsmodels(differences, margin):
    zeros = np.zeros(len(differences))
    p = ttost_paired(np.asarray(differences), zeros, -margin, margin)[0]
    assert paired(differences).p_within(margin) == pytest.approx(min(1, 2 * p))


@given(samples, st.floats(-5, 5), st.floats(0.5, 0.999))
def test_a_p_value_and_its_interval_never_disagree(differences, margin, level):
    contrast = paired(differences)
    low, high = contrast.interval(level)
    if abs(low - margin) > 1e-9 and abs(high - margin) > 1e-9:
        assert (low > margin) == (contrast.p_above(margin) < 1 - level)
        assert (high < margin) == (contrast.p_below(margin) < 1 - level)


def test_two_strata_agree_with_welch():
    a, b = [1.0, 2.0, 4.0], [3.0, 3.5, 9.0, 5.0]
    theirs = stats.ttest_ind(a, [-x for x in b], equal_var=False).confidence_interval(0.95)
    low, high = stratified([a, b]).interval(0.95)
    assert (2 * low, 2 * high) == pytest.approx(tuple(theirs))


def test_bca_is_given_from_ten_values_up_and_repeats_itself():
    values = np.random.default_rng(1).normal(size=10).tolist()
    assert bca(values[:9], 0.95) is None
    low, high = bca(values, 0.95)
    assert low < np.mean(values) < high
    assert bca(values, 0.95) == (low, high)


def test_rounding_is_not_variance():
    assert not varies([0.1 + 0.2, 0.3, 0.3])
    assert not varies([0.0, 0.0])
    assert varies([1.0, 1.0, 1.001])


def test_two_samples_are_welchs_as_long_as_the_smaller_is_not_close_together_by_chance():
    wide = [0.1, -0.9, 1.2, 0.4, -0.3, 0.8, -1.1, 0.2, -0.5, 0.6]
    scattered, close = [0.2, 1.5, -0.7], [0.31, 0.30, 0.32]
    expected = stats.ttest_ind(scattered, wide, equal_var=False)
    found = welch(scattered, wide)
    assert found.df == pytest.approx(expected.df)
    assert min(found.p_above(0.0), found.p_below(0.0)) == pytest.approx(expected.pvalue)
    assert stats.ttest_ind(close, wide, equal_var=False).df > 9
    assert welch(close, wide).df == pytest.approx((1 / 10 + 1 / 3) ** 2 / (1 / 900 + 1 / 18))


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1.0, 1e30, 1e99])
def test_a_contrast_does_not_depend_on_the_scale(scale: float):
    plain = [1.0, 2.0, 4.0, 3.5]
    scaled = [scale * value for value in plain]
    others = welch(plain, [2.0, 1.0]), welch(scaled, [2 * scale, scale])
    for a, b in [(paired(plain), paired(scaled)), others]:
        assert b.df == pytest.approx(a.df)
        assert b.mean == pytest.approx(a.mean * scale)
        assert b.se == pytest.approx(a.se * scale)
