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
QUARTERS = [0.25, 0.5, 0.75, 1.0]


def spend_as_obrien_fleming(share: float, alpha: float) -> float:
    """4 (1 − Φ(z / √share)) with z at alpha / 4, of two sides with alpha / 2 each: little at first
    (Lan & DeMets 1983).
    """
    return 4 * stats.norm.cdf(stats.norm.ppf(alpha / 4) / share**0.5)


def spend_in_proportion(share: float, alpha: float) -> float:
    """The power family of Kim & DeMets 1987 with power 1."""
    return alpha * share


@pytest.mark.parametrize(
    ("spend", "shares", "published"),
    [
        # The vignette of the R package ldbounds 2.0.2, pages 9 and 17: two-sided 5 %, five equally
        # spaced looks, the first after Reboussin, DeMets, Kim & Lan 2000, Controlled Clinical
        # Trials 21:190.
        (spend_as_obrien_fleming, FIFTHS, [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        (spend_in_proportion, FIFTHS, [2.5758, 2.4919, 2.4108, 2.3391, 2.2754]),
        # SAS/STAT, procedure SEQDESIGN, the example of survival data with uniform accrual, as
        # quoted in the vignette SeqDesignSurvival of the R package gsDesign.
        (spend_as_obrien_fleming, QUARTERS, [4.33263, 2.96333, 2.35902, 2.01409]),
        # Lakens, Improving Your Statistical Inferences, section 10.6: rpact, two looks.
        (spend_as_pocock, [0.5, 1.0], [2.157, 2.201]),
        (spend_as_obrien_fleming, [0.5, 1.0], [2.963, 1.969]),
    ],
)
def test_boundaries_are_those_of_published_tables(spend, shares, published):
    bounds = boundaries(shares, [spend(t, 0.05) for t in shares])
    assert bounds == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize(
    ("shares", "published"),
    [
        ([1 / 3, 2 / 3, 1.0], [0.02264162, 0.02173822, 0.02167941]),
        ([76 / 198, 2 / 3, 1.0], [0.02532710, 0.02043978, 0.02164755]),
    ],
)
def test_levels_are_those_of_rpact(shares, published):
    """Lakens, Improving Your Statistical Inferences, section 10.5: the levels of the R package
    rpact, Pocock's type of spending, two-sided 5 %.
    """
    bounds = boundaries(shares, [spend_as_pocock(t, 0.05) for t in shares])
    assert 2 * stats.norm.sf(bounds) == pytest.approx(published, rel=1e-5)


@pytest.mark.parametrize(
    ("looks", "constant"), [(2, 2.178), (3, 2.289), (4, 2.361), (5, 2.413), (6, 2.453)]
)
def test_equal_boundaries_are_pococks(looks, constant):
    """Jennison & Turnbull 2000, table 2.1, and Pocock 1977, table 1: one boundary for all looks,
    two-sided 5 %. What it spends is computed by another way of integration, of the density of
    all looks together.
    """
    information = list(range(1, looks + 1))
    spent = [_crossed(information[:k], constant) for k in information]
    assert spent[-1] == pytest.approx(0.05, abs=1e-4)
    assert boundaries(information, spent) == pytest.approx([constant] * looks, abs=1e-3)


def _crossed(information: list[int], boundary: float) -> float:
    """The probability that |Z| exceeds the boundary at any of the looks under no effect."""
    times = np.array(information)
    correlation = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    density = stats.multivariate_normal(cov=correlation, abseps=1e-5, releps=1e-5, seed=0)
    limits = np.full(len(times), boundary)
    return 1 - float(density.cdf(limits, lower_limit=-limits))


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


def test_seeds_count_as_information_less_what_the_estimated_variance_costs():
    """Of 3 and 5 seeds 0.5 and 2.5; their levels lie between those of a grid of alphas."""
    spent = [spend_as_pocock(3 / 5, 0.05), 0.05]
    levels = 2 * stats.norm.sf(boundaries([0.5, 2.5], spent))
    looks = Looks((3, 5), most=5)
    assert [looks.level(k, 0.05) for k in range(2)] == pytest.approx(levels, rel=2e-3)


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
