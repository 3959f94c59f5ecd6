from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from harness.statistics import holm
from harness.statistics.intervals import Contrast, welch
from harness.statistics.pairwise import (
    ALPHA,
    Sample,
    difference,
    difference_limits,
    pairwise_order,
)


def samples(**values: list[float]) -> dict[str, Sample]:
    return {name: Sample.of(dict(enumerate(mine))) for name, mine in values.items()}


def test_a_difference_is_paired_over_common_seeds():
    a, b = {0: 1.0, 1: 2.5, 2: 3.1, 7: 9.0}, {0: 0.5, 1: 1.0, 2: 2.9}
    found = difference(Sample.of(a), Sample.of(b))
    theirs = stats.ttest_rel([1.0, 2.5, 3.1], [0.5, 1.0, 2.9])
    assert isinstance(found, Contrast)
    assert found.p_above(0.0) == pytest.approx(theirs.pvalue)
    assert found.df == 2


def test_without_common_seeds_it_is_welch():
    a, b = [1.0, 2.5, 3.1, 1.4], [0.5, 1.0, 2.9, 0.7]
    found = difference(Sample.of(dict(enumerate(a))), Sample.of(dict(enumerate(b, start=10))))
    theirs = stats.ttest_ind(a, b, equal_var=False)
    assert isinstance(found, Contrast)
    assert min(found.p_above(0), found.p_below(0)) == pytest.approx(theirs.pvalue)
    assert found.df == pytest.approx(theirs.df)


def test_three_seeds_that_lie_close_by_chance_do_not_raise_the_degrees_of_freedom():
    close, wide = [0.31, 0.30, 0.32], [0.1, -0.9, 1.2, 0.4, -0.3, 0.8, -1.1, 0.2, -0.5, 0.6]
    found = difference(
        Sample.of(dict(enumerate(close))), Sample.of(dict(enumerate(wide, start=10)))
    )
    assert isinstance(found, Contrast)
    assert stats.ttest_ind(close, wide, equal_var=False).df > 9
    assert found.df == pytest.approx(welch(close, wide).df)
    assert found.df < 3.4


def test_of_two_seeds_nothing_is_said_and_what_never_varies_is_exact():
    two = Sample.of({0: 1.0, 1: 2.0})
    assert difference(two, two) is None
    five, four = Sample.of(dict.fromkeys(range(3), 5.0)), Sample.of(dict.fromkeys(range(3), 4.0))
    exact = [Sample.of(sample.by_seed, of_recipe=True) for sample in (five, four)]
    assert difference(*exact) == 1.0
    assert difference(five, four).p_above(0.0) == 0.25
    stated = Sample(5.0, 0.0, 3), Sample(4.0, 0.0, 3)
    assert difference(*stated).p_above(0.0) == 0.1
    assert not two.is_tested
    assert Sample.of({0: 1.0}).interval(0.95) is None


def test_all_pairs_at_once_are_each_pair_alone():
    """Seeds that overlap fully, in part and not at all; one without any spread."""
    draws = np.random.default_rng(0)
    found = {
        name: Sample.of({s: float(draws.normal(level, 0.3)) for s in seeds})
        for name, level, seeds in (
            ("a", 0.0, range(5)), ("b", 0.4, range(3)), ("c", 0.9, range(2, 7)),
            ("d", 2.0, range(9, 13)),
        )
    } | {"still": Sample.of(dict.fromkeys(range(3), 0.5))}  # fmt: skip
    names = [(a, b) for a in found for b in found if a != b]
    p = []
    for a, b in names:
        effect = difference(found[a], found[b])
        assert isinstance(effect, Contrast)
        p.append(float(stats.t.sf(effect.mean / effect.se, effect.df)))
    told = {pair for pair, q in zip(names, holm.adjust(p), strict=True) if q <= ALPHA}
    ordered = pairwise_order(found)
    above = {
        (a, b)
        for i, a in enumerate(ordered.names)
        for j, b in enumerate(ordered.names)
        if ordered.above[i, j]
    }
    assert above == told
    assert ("d", "a") in told


def test_tiers_and_intervals_of_ranks():
    ordered = pairwise_order(
        samples(
            best=[0.90, 0.92, 0.91], near=[0.89, 0.93, 0.90], worst=[0.10, 0.13, 0.11],
            young=[0.99, 0.98],
        )
    )  # fmt: skip
    assert ordered.names == ("best", "near", "worst")
    assert ordered.tiers() == {"best": 1, "near": 1, "worst": 3}
    assert ordered.intervals() == {"best": (1, 2), "near": (1, 2), "worst": (3, 3)}


def test_exact_ties_share_a_rank_and_exact_differences_do_not():
    """A parameter count, which is the same for every seed."""
    values = samples(a=[5.0] * 3, b=[4.0] * 3, c=[4.0] * 3)
    exact = {name: replace(sample, of_recipe=True) for name, sample in values.items()}
    ordered = pairwise_order(exact)
    assert ordered.tiers() == {"a": 1, "b": 2, "c": 2}
    assert ordered.intervals() == {"a": (1, 1), "b": (2, 3), "c": (2, 3)}


@pytest.mark.parametrize(("seeds", "tiers"), [(3, [1, 1, 1]), (8, [1, 2, 2])])
def test_counts_that_tie_are_told_apart_by_the_exact_test(seeds, tiers):
    """Of three entrants there are six ordered pairs, and half of 2¹⁻⁸ is below 0.05 / 6."""
    values = samples(a=[25.0] * seeds, b=[22.0] * seeds, c=[22.0] * seeds)
    assert list(pairwise_order(values).tiers().values()) == tiers


@pytest.mark.parametrize(("sizes", "p"), [((3, 3), 0.1), ((5, 5), 2 / 252), ((3, 5), 2 / 56)])
def test_constants_of_other_seeds_are_told_apart_by_permutations(sizes, p):
    a = Sample.of(dict.fromkeys(range(sizes[0]), 5.0))
    b = Sample.of(dict.fromkeys(range(10, 10 + sizes[1]), 4.0))
    theirs = stats.permutation_test(
        ([5.0] * sizes[0], [4.0] * sizes[1]), lambda x, y: np.mean(x) - np.mean(y),
        n_resamples=np.inf, alternative="greater",
    )  # fmt: skip
    assert difference(a, b).p_above(0.0) == pytest.approx(p)
    assert theirs.pvalue * 2 == pytest.approx(p)


def test_an_interval_stays_within_the_range():
    near_one = Sample.of({0: 0.99, 1: 0.97, 2: 0.999}, (0.0, 1.0))
    low, high = near_one.interval(0.95)
    assert 0 < low < near_one.mean < high < 1


def test_one_entrant_and_none():
    assert pairwise_order(samples(a=[1.0, 2.0, 3.0])).intervals() == {"a": (1, 1)}
    assert pairwise_order({}).tiers() == {}


def test_rank_intervals_hold_all_at_once():
    """Ten entrants alike: hardly ever is any rank's interval anything but 1 to 10."""
    draws = np.random.default_rng(1)
    wrong = 0
    for _ in range(200):
        values = draws.normal(size=(10, 5))
        ordered = pairwise_order(
            {str(i): Sample.of(dict(enumerate(v))) for i, v in enumerate(values.tolist())}
        )
        wrong += any(found != (1, 10) for found in ordered.intervals().values())
    assert wrong <= 18  # 200 × 0.05, and four more than two standard errors


def test_a_difference_is_greatest_where_one_is_at_its_most_and_the_other_at_its_least():
    a, b = (Sample.of({0: 1.0}, limits) for limits in [(0.0, 1.0), (-2.0, 5.0)])
    assert difference_limits(a, b) == (-5.0, 3.0)
    assert difference_limits(b, a) == (-3.0, 5.0)
