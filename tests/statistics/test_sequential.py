import numpy as np
import pytest
from scipy import stats

from harness.statistics.sequential import (
    Looks,
    boundaries,
    planned_looks,
    spend_as_pocock,
)

FIFTHS = [0.2, 0.4, 0.6, 0.8, 1.0]


def spend_as_obrien_fleming(share: float, alpha: float) -> float:
    """4 (1 − Φ(z / √share)) with z at alpha / 4, of two sides with alpha / 2 each: little at first
    (Lan & DeMets 1983).
    """
    return 4 * stats.norm.cdf(stats.norm.ppf(alpha / 4) / share**0.5)


@pytest.mark.parametrize(
    ("spend", "published"),
    [
        # Two-sided 5 %, five equal looks: Reboussin, DeMets, Kim & Lan 2000, Controlled Clinical
        # Trials 21:190; Proschan, Lan & Wittes 2006, Statistical Monitoring of Clinical Trials.
        (spend_as_obrien_fleming, [4.877, 3.357, 2.680, 2.290, 2.031]),
        (spend_as_pocock, [2.438, 2.427, 2.410, 2.397, 2.386]),
    ],
)
def test_boundaries_are_those_of_published_tables(spend, published):
    bounds = boundaries(FIFTHS, [spend(t, 0.05) for t in FIFTHS])
    assert bounds == pytest.approx(published, abs=5e-4)


def test_equal_boundaries_are_pococks():
    """Pocock 1977, table 1: five looks at 2.413, two-sided 5 %."""
    walk = np.cumsum(np.random.default_rng(0).normal(size=(200_000, 5)), axis=1)
    crossed = np.abs(walk) / np.sqrt(np.arange(1, 6)) >= 2.413
    spent = [float(crossed[:, : k + 1].any(axis=1).mean()) for k in range(5)]
    assert boundaries([1, 2, 3, 4, 5], spent) == pytest.approx([2.413] * 5, abs=0.02)


def test_one_look_is_the_plain_test():
    assert boundaries([7.0], [0.05]) == pytest.approx([stats.norm.isf(0.025)])
    assert Looks((7,), most=7).level(0, 0.05) == pytest.approx(0.05, rel=1e-6)
    assert Looks((7,)).level(0, 0.05) == pytest.approx(0.04, rel=1e-6)


@pytest.mark.parametrize("most", [None, 20])
@pytest.mark.parametrize("alpha", [0.05, 0.004])
def test_overall_p_and_level_agree(most, alpha):
    looks = Looks((3, 5, 10, 20), most)
    for k in range(4):
        level = looks.level(k, alpha)
        assert looks.overall(k, level) == pytest.approx(alpha, rel=1e-6)
        assert level < alpha


def test_beyond_the_declared_number_nothing_is_left():
    looks = Looks((10, 20, 30), most=20)
    assert looks.level(2, 0.05) == 0.0
    assert looks.overall(2, 1e-9) == 1.0


def test_false_verdicts_under_many_looks_are_at_most_alpha():
    """Student's t at 3, 5, 8, 10, 15 and 20 seeds of no effect."""
    seeds = (3, 5, 8, 10, 15, 20)
    draws = np.random.default_rng(0).normal(size=(20_000, 20))
    for most in (None, 20):
        looks = Looks(seeds, most)
        hit = np.zeros(len(draws), dtype=bool)
        for k, n in enumerate(seeds):
            p = stats.ttest_1samp(draws[:, :n], 0, axis=1).pvalue
            hit |= p <= looks.level(k, 0.05)
        assert hit.mean() < 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(draws))


def test_planned_looks_end_at_the_bound():
    assert planned_looks(3, 20) == [3, 5, 8, 12, 18, 20]
    assert planned_looks(3, 3) == [3]
