"""The permutation test of draws: exact p-values, its level, and its power."""

import numpy as np
import pytest

from harness.statistics.kernel_test import SHARES, kernel_test

RANDOM = np.random.default_rng(0)


def normal(n: int, mean: float = 0.0) -> np.ndarray:
    return RANDOM.normal(mean, 1, (n, 3))


def test_the_distance_is_the_unbiased_one():
    a, b = normal(5), normal(5)
    pool = np.concatenate([a, b])
    squares = ((pool[:, None] - pool[None]) ** 2).sum(-1)
    kernel = np.exp(-squares / np.median(squares[squares > 0]))
    off = ~np.eye(5, dtype=bool)
    expected = kernel[:5, :5][off].mean() + kernel[5:, 5:][off].mean() - 2 * kernel[:5, 5:].mean()
    assert kernel_test(a, [b], normal(5), 0.05).distance == pytest.approx(expected)


def test_equal_draws_are_not_told_apart():
    a = normal(20)
    assert kernel_test(a, [a.copy()], normal(20, 9), 0.05).p == 1


def test_another_distribution_is_found():
    test = kernel_test(normal(40, 1.5), [normal(40), normal(40)], normal(40, 9), 0.05)
    assert test.p == 1 / 1000


def test_p_values_of_draws_of_one_distribution_keep_the_level():
    ps = [kernel_test(normal(12), [normal(12), normal(12)], normal(12), 0.1).p for _ in range(60)]
    assert 20 <= sum(p > 0.5 for p in ps) <= 40
    assert sum(p <= 0.1 for p in ps) <= 14  # 0.1 of 60, and four standard deviations


def test_conditions_of_rows_are_no_difference():
    """Rows differ by far more than draws do; the draws exchange only what is of one row."""
    rows = RANDOM.normal(0, 50, (30, 3))
    draws = [rows + normal(30) for _ in range(2)]
    assert kernel_test(rows + normal(30, 2), draws, normal(30), 0.05).p == 1 / 1000


def test_more_images_find_smaller_shares_of_foreign_ones():
    detects = [
        kernel_test(normal(n), [normal(n), normal(n)], normal(n, 6), 0.05).detects for n in (10, 80)
    ]
    assert all(share in SHARES for share in detects)
    assert detects[1] < detects[0]


def test_power_where_foreign_images_are_not_foreign():
    assert kernel_test(normal(30), [normal(30), normal(30)], normal(30), 0.01).detects is None


def test_a_model_that_always_gives_the_same():
    a = np.ones((8, 2))
    assert kernel_test(a, [a, a], np.zeros((8, 2)), 0.05).p == 1
    assert kernel_test(a + 1, [a, a], np.zeros((8, 2)), 0.05).p < 0.01
