import numpy as np
import pytest
from statsmodels.stats.power import ttest_power

from harness.statistics.intervals import Contrast
from harness.statistics.power import detectable, power, seeds_needed


@pytest.mark.parametrize(("effect", "n", "alpha"), [(1.0, 5, 0.05), (0.5, 30, 0.01), (3, 3, 0.1)])
def test_power_is_that_of_statsmodels(effect, n, alpha):
    ours = power(effect * np.sqrt(n), n - 1, 1 - alpha)
    assert ours == pytest.approx(ttest_power(effect, n, alpha / 2, alternative="larger"))


@pytest.mark.parametrize(("seeds", "strata"), [(3, 1), (10, 1), (3, 2)])
def test_the_detectable_effect_has_the_power_that_it_says(seeds, strata):
    effect = detectable(seeds, strata, 0.98)
    n = seeds * strata
    assert power(effect * np.sqrt(n), strata * (seeds - 1), 0.98) == pytest.approx(0.8)


@pytest.mark.parametrize(("seeds", "strata"), [(3, 1), (10, 1), (3, 2)])
def test_the_detectable_margin_of_equivalence_has_its_power_at_both_ends(seeds, strata):
    """An effect of zero is shown to lie within the margin unless either end is missed."""
    margin = detectable(seeds, strata, 0.98, "within")
    one_end = power(margin * np.sqrt(seeds * strata), strata * (seeds - 1), 0.98)
    assert 1 - 2 * (1 - one_end) == pytest.approx(0.8)


def test_seeds_needed_is_the_first_number_with_enough_power():
    contrast = Contrast(mean=0.1, se=0.2, df=2)
    needed = seeds_needed(contrast, 0.0, 0.95, seeds=3)
    effect = 0.1 / (0.2 * np.sqrt(3))
    assert ttest_power(effect, needed, 0.025, alternative="larger") >= 0.8
    assert ttest_power(effect, needed - 1, 0.025, alternative="larger") < 0.8


def test_no_effect_at_all_would_need_more_seeds_than_anyone_has():
    assert seeds_needed(Contrast(1e-6, 1.0, 2), 0.0, 0.95, seeds=3) is None


def test_an_effect_inside_the_margin_is_decided_by_equivalence():
    near_zero = seeds_needed(Contrast(0.01, 0.2, 2), 0.5, 0.95, seeds=3)
    near_margin = seeds_needed(Contrast(0.4, 0.2, 2), 0.5, 0.95, seeds=3)
    assert near_zero < near_margin
