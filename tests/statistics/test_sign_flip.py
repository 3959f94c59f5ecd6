import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.statistics.intervals import Contrast
from harness.statistics.sign_flip import TwoConstants, few_distinct, fewest_blocks, sign_flip


def enumerated(differences: np.ndarray, margin: float) -> tuple[float, float]:
    """The two-sided p-values for a mean above and below a margin, from every way to set signs."""
    centred = differences - margin
    signs = np.array(list(itertools.product((1, -1), repeat=len(centred))))
    means = signs @ centred
    tolerance = 1e-9 * max(1.0, np.abs(centred).sum())
    return tuple(
        min(1.0, 2 * float(np.mean(side * means >= side * centred.sum() - tolerance)))
        for side in (1, -1)
    )


counts = st.lists(st.integers(-4, 4), min_size=3, max_size=9)


@given(counts, st.integers(-9, 9))
def test_p_values_equal_a_brute_force_enumeration(values, doubled):
    margin = doubled / 2
    test = sign_flip([values])
    above, below = enumerated(np.array(values, dtype=float), margin)
    assert test.p_above(margin) == pytest.approx(above)
    assert test.p_below(margin) == pytest.approx(below)


@pytest.mark.parametrize("values", [[3, 3, 3, 3, 3, 3], [1, 0, 2, 1, -1, 1, 0], [0.5, 1.25, -0.1]])
def test_p_values_equal_those_of_scipy(values):
    test = sign_flip([values])
    for alternative, p in (("greater", test.p_above(0)), ("less", test.p_below(0))):
        theirs = stats.permutation_test(
            (values,), np.mean, permutation_type="samples", alternative=alternative,
            n_resamples=np.inf,
        )  # fmt: skip
        assert p == pytest.approx(min(1.0, 2 * theirs.pvalue))


@given(counts, st.sampled_from([0.5, 0.75, 0.9, 0.95, 0.99]), st.integers(-9, 9))
def test_interval_and_p_values_never_disagree(values, level, doubled):
    margin = doubled / 2
    test = sign_flip([values])
    if test.attainable(level) < level:
        return
    low, high = test.interval(level)
    alpha, rounding = 1 - level + 1e-12, 1e-9
    assert (test.p_above(margin) <= alpha) == (low > margin + rounding)
    assert (test.p_below(margin) <= alpha) == (high < margin - rounding)
    assert (test.p_at_most(margin) <= alpha) == (high <= margin + rounding)
    assert (test.p_at_least(margin) <= alpha) == (low >= margin - rounding)


def test_equal_differences_decide_from_six_blocks():
    assert [fewest_blocks(alpha) for alpha in (0.05, 0.025, 0.0125, 2**-5)] == [6, 7, 8, 6]
    assert sign_flip([[2.0] * 5]).p_above(0) == 2**-4
    assert sign_flip([[2.0] * 6]).p_above(0) == 2**-5
    assert sign_flip([[2.0] * 6]).interval(0.95) == (2.0, 2.0)
    assert sign_flip([[2.0] * 4]).blocks_lacking(0.05) == 2


def test_without_any_difference_it_says_that_there_is_none():
    test = sign_flip([[0.0] * 6])
    assert test.p_above(0.0) == test.p_below(0.0) == 1.0
    assert test.p_within(0.0) == test.p_within(0.5) == 2**-5


def test_too_few_blocks_have_an_interval_of_the_confidence_that_they_allow():
    test = sign_flip([[-3.0, -3.0, -1.0]])
    assert test.attainable(0.95) == 0.75
    assert test.interval(0.95) == (-3.0, -1.0)


def test_strata_weigh_the_same():
    test = sign_flip([[1.0] * 4, [3.0] * 2])
    assert test.mean == 2.0
    assert test.p_above(0.0) == 2**-5


def test_forty_counts_are_enumerated_by_value():
    assert sign_flip([[0.0] * 20 + [1.0] * 20]).p_above(0.0) == pytest.approx(2**-19)
    assert sign_flip([np.random.default_rng(0).normal(size=40).tolist()]) is None


def test_where_few_are_distinct():
    assert few_distinct([[1.0, 1.0, 1.0]])
    assert few_distinct([[1.0, 2.0, 3.0], [0.1 + 0.2, 0.3, 0.3]])
    assert not few_distinct([[1.0, 1.0, 2.0]])
    assert not few_distinct([[1.0, 2.0, 3.0, 4.0, 4.0]])


def test_values_are_equal_up_to_the_rounding_of_the_largest():
    assert few_distinct([[0.0, 1.0, 1.0 + 1e-15, 1.0 + 2e-15]])
    assert few_distinct([[-1.0 - 2e-15, -1.0 - 1e-15, -1.0, 0.0]])
    assert not few_distinct([[0.0, 1.0, 1.0 + 1e-6, 1.0 + 2e-6]])


@pytest.mark.parametrize(
    ("alpha", "more"), [(2 / 20, 0), (0.05, 1), (2 / 70, 1), (0.0285, 2), (2 / 252, 2)]
)
def test_constants_lack_as_many_values_as_make_their_p_value_small(alpha: float, more: int):
    """Two samples of 3, 4 and 5 can be shared out in 20, 70 and 252 ways."""
    assert TwoConstants(1.0, 3, 3).blocks_lacking(alpha) == more


def test_constants_decide_on_the_side_on_which_they_differ():
    test = TwoConstants(0.5, 3, 3)
    for margin, above, at_least in [(0.4, 0.1, 0.1), (0.5, 1, 0.1), (0.6, 1, 1)]:
        assert (test.p_above(margin), test.p_at_least(margin)) == (above, at_least)
        assert (test.p_below(-margin), test.p_at_most(-margin)) == (1, 1)
    mirrored = TwoConstants(-0.5, 3, 3)
    for margin, below, at_most in [(0.4, 0.1, 0.1), (0.5, 1, 0.1), (0.6, 1, 1)]:
        assert (mirrored.p_below(-margin), mirrored.p_at_most(-margin)) == (below, at_most)
    assert test.interval(0.95) == (0.5, 0.5)


def test_a_normal_test_has_no_smallest_p_value():
    assert Contrast(0.0, 1.0, 3).smallest_p == 0
