"""One comparison with a baseline: exact cases, and the tests of scipy."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from analysis_tables import METRICS
from scipy import stats

from harness.regression.changes import Change, MetricPair, RunSet
from harness.regression.examination import examine
from harness.regression.noisy_change import ALPHA, NoisyChange
from harness.regression.tolerance import Tolerance

Values = Sequence[float] | Mapping[int, float]


def side(
    values: Values, failures: Mapping[int, str] | None = None, key: str = "k", **more
) -> RunSet:
    numbers = dict(values) if isinstance(values, Mapping) else dict(enumerate(values))
    seeds = [*numbers, *(failures or {})]
    return RunSet(numbers, failures or {}, {s: f"{key}{s}" for s in seeds}, **more)


def pair(before: RunSet, now: RunSet, metric: str = "recall", tolerance: Tolerance | None = None):
    return MetricPair("digits", "gan", METRICS[metric], before, now, tolerance)


def decided(*args, **kwargs) -> Change:
    """The comparison as the only one of its check."""
    found = examine(pair(*args, **kwargs))
    return found.decide(ALPHA, ALPHA, ALPHA) if isinstance(found, NoisyChange) else found


OLD = [0.50, 0.52, 0.48, 0.51, 0.49]


def test_seeds_that_both_have_are_paired_as_scipy_pairs_them():
    new = [0.46, 0.49, 0.45, 0.47, 0.47]
    change = decided(side(OLD), side(new, key="other"))
    expected = stats.ttest_rel(new, OLD)
    assert change.outcome == "regressed"
    low, high = expected.confidence_interval(0.95)
    assert (change.effect.low, change.effect.high) == pytest.approx((low, high))
    assert change.seeds == (5, 5)
    test = examine(pair(side(OLD), side(new)))
    assert test.p_regressed == pytest.approx(expected.pvalue)


def test_other_seeds_are_compared_as_scipy_does_by_welch():
    new = {7: 0.46, 8: 0.49, 9: 0.45}
    change = decided(side(OLD), side(new))
    expected = stats.ttest_ind(list(new.values()), OLD, equal_var=False)
    low, high = expected.confidence_interval(0.95)
    assert (change.effect.low, change.effect.high) == pytest.approx((low, high))
    assert change.seeds == (5, 3)


def test_some_of_the_baselines_seeds_pair_and_seeds_that_overlap_do_not():
    noise = [0.03, -0.02, 0.01, 0.04, -0.03]
    some = decided(side(OLD), side({1: 0.40, 2: 0.39, 4: 0.37}))
    assert some.before == pytest.approx(np.mean([OLD[1], OLD[2], OLD[4]]))
    overlapping = decided(side(OLD), side({s + 2: x + 0.5 for s, x in enumerate(noise)}))
    assert overlapping.seeds == (5, 5)
    assert overlapping.before == pytest.approx(np.mean(OLD))


def test_the_log_scale_gives_ratios():
    old, new = [10.0, 11.0, 9.0, 10.5], [12.0, 13.5, 10.8, 12.4]
    change = decided(side(old), side(new), "fid")
    logs = stats.ttest_rel(np.log(new), np.log(old))
    assert change.effect.kind == "ratio"
    assert change.effect.value == pytest.approx(stats.gmean(new) / stats.gmean(old))
    assert math.log(change.effect.low) == pytest.approx(logs.confidence_interval(0.95).low)
    assert change.before == pytest.approx(stats.gmean(old))
    assert change.outcome == "regressed"


def test_what_is_not_above_zero_is_compared_as_it_is():
    change = decided(side([0.0, 1.0, 2.0]), side([9.0, 11.0, 10.0]), "fid")
    assert change.effect.kind == "difference"
    assert change.before == 1.0


def test_better_is_no_regression():
    assert decided(side(OLD), side([x + 0.05 + 0.001 * i for i, x in enumerate(OLD)])).outcome == (
        "improved"
    )
    halved = [x / (2 + i / 50) for i, x in enumerate(OLD)]
    assert decided(side(OLD), side(halved), "fid").outcome == "improved"


@pytest.mark.parametrize(
    ("shift", "tolerance", "outcome"),
    [
        (-0.030, Tolerance(0.01), "regressed"),
        (-0.005, Tolerance(0.02), "tolerated"),
        (-0.005, Tolerance(0.04, relative=True), "tolerated"),
        (-0.001, Tolerance(0.02), "not worse"),
        (-0.012, Tolerance(0.012), "inconclusive"),
    ],
)
def test_a_tolerance_is_the_margin_on_both_sides(shift, tolerance, outcome):
    wobble = [0.004, -0.004, 0.002, -0.002, 0.0]
    change = decided(
        side(OLD), side([x + shift + w for x, w in zip(OLD, wobble, strict=True)]),
        tolerance=tolerance,
    )  # fmt: skip
    assert change.outcome == outcome


def test_without_a_tolerance_three_spreads_must_be_ruled_out():
    spread = float(np.std(OLD, ddof=1))
    # An interval of known half-width: differences ±d about a mean.
    d = np.array([1, -1, 0.5, -0.5, 0])
    half = stats.t.isf(0.025, 4) * np.std(d, ddof=1) / math.sqrt(5)
    for reach, outcome in ((2.9, "not worse"), (3.1, "inconclusive")):
        new = np.array(OLD) - reach * spread / half * d
        change = decided(side(OLD), side(list(new)))
        assert change.outcome == outcome
        assert -change.effect.low == pytest.approx(reach * spread)
        assert change.effect.limit == pytest.approx(-3 * spread)


def test_what_it_shows_is_what_the_noncentral_t_says():
    test = examine(pair(side(OLD), side([0.49, 0.52, 0.46, 0.52, 0.50])))
    strict = ALPHA / 7
    change = test.decide(strict, strict, strict)
    far = abs(change.effect.shows) / test.worsening.se
    assert stats.nct.sf(stats.t.isf(strict / 2, 4), 4, far) == pytest.approx(0.8, abs=1e-6)


def test_how_many_seeds_would_decide():
    change = decided(side(OLD[:3]), side([0.47, 0.53, 0.46]))
    assert change.outcome == "inconclusive"
    assert 3 < change.needed < 30


def test_the_same_values_are_unchanged_without_a_test_even_of_one_seed():
    assert decided(side(OLD), side(OLD, key="other")).outcome == "unchanged"
    assert decided(side(OLD), side({3: OLD[3]})).outcome == "unchanged"


def test_more_seeds_under_the_same_key_are_no_change_of_the_model():
    more = {**dict(enumerate(OLD)), 5: 0.9, 6: 0.9}
    assert decided(side(OLD), side(more)).outcome == "unchanged"
    # Under another key a value may be the same by chance, as where a metric is at its end.
    other = decided(side({0: 1.0, 1: 0.9, 2: 0.8}), side({0: 1.0, 8: 0.1, 9: 0.2}, key="other"))
    assert other.outcome != "unchanged"


def test_one_seed_that_differs_decides_nothing():
    change = decided(side([0.5]), side([0.1]))
    assert change.outcome == "inconclusive"
    assert "1 value against 1 of the baseline, and at least 3" in change.reason


def test_what_follows_from_the_recipe_is_decided_as_it_stands():
    parameters = replace(METRICS["fid"], of_recipe=True)

    def compared(now: RunSet, tolerance: Tolerance | None = None) -> Change | NoisyChange:
        before = side([100.0] * 3)
        return examine(MetricPair("digits", "gan", parameters, before, now, tolerance))

    assert compared(side([101.0] * 3)).outcome == "regressed"
    assert compared(side([99.0] * 3)).outcome == "improved"
    five = Tolerance(0.05, relative=True)
    assert compared(side([101.0] * 3), five).outcome == "tolerated"
    others = side({5: 100.0, 6: 100.0, 7: 100.0}, key="other")
    assert compared(others).outcome == "unchanged"


@pytest.mark.parametrize("key", ["k", "other"])
def test_counts_that_tie_are_decided_by_the_exact_test(key):
    three = decided(side([25.0] * 3), side([24.0] * 3, key=key))
    assert three.outcome == "inconclusive"
    assert three.needed == 6
    six = decided(side([25.0] * 6), side([24.0] * 6, key=key))
    assert six.outcome == "regressed"
    others = side(dict.fromkeys(range(10, 16), 24.0), key=key)
    assert decided(side([25.0] * 6), others).outcome == "regressed"
    tolerated = decided(side([25.0] * 6), side([24.0] * 6), tolerance=Tolerance(1.5))
    assert tolerated.outcome == "tolerated"


def test_too_few_ties_name_the_seeds_that_decide():
    change = decided(side([25.0] * 3), side([24.0] * 3), tolerance=Tolerance(2.0))
    assert change.outcome == "inconclusive"
    assert change.reason == "too few seeds for the exact sign-flip test: 3, and 3 more decide"


def test_no_interval_leaves_the_range():
    share = replace(METRICS["recall"], range=(0.0, 1.0))
    test = examine(MetricPair("d", "m", share, side([0.9, 0.1, 0.8]), side([0.1, 0.2, 0.9])))
    change = test.decide(ALPHA, ALPHA, ALPHA)
    assert -1 <= change.effect.low < change.effect.high <= 1


def test_a_baseline_without_spread_asks_for_a_tolerance():
    now = [1.0, 1.0, 0.99, 1.0, 1.0, 1.0]
    change = decided(side([1.0] * 6), side(now))
    assert change.outcome == "inconclusive"
    assert "give a tolerance" in change.reason
    assert change.needed is None
    given = decided(side([1.0] * 6), side(now), tolerance=Tolerance(0.02))
    assert given.outcome == "not worse"


def test_a_new_failure_is_a_regression():
    lost = side({s: x for s, x in enumerate(OLD) if s != 2}, {2: "diverged: the loss was nan"})
    change = decided(side(OLD), lost)
    assert change.outcome == "regressed"
    assert change.reason == "seed 2 diverged: the loss was nan"
    assert decided(lost, lost).outcome == "unchanged"
    assert decided(lost, side(OLD)).outcome == "unchanged"


def test_failures_on_other_seeds():
    base = side({0: 0.5, 1: 0.5, 2: 0.49, 3: 0.51}, {4: "diverged: x"})
    fresh = {s + 10: 0.5 + s / 100 for s in range(3)}
    assert decided(side(OLD), side(fresh, {13: "diverged: y"})).outcome == "regressed"
    more = decided(base, side(fresh, {13: "diverged: y", 14: "diverged: y"}))
    assert more.outcome == "inconclusive"
    assert "2 of 5 seeds have no number, 1 of 5 in the baseline" in more.reason
    as_many = side({**fresh, 15: 0.5}, {13: "diverged: y"})
    assert decided(base, as_many).effect is not None


def test_a_baseline_in_which_all_failed():
    nothing = side({}, {0: "failed: no memory", 1: "failed: no memory"})
    assert decided(nothing, nothing).outcome == "not comparable"
    assert decided(nothing, side(OLD)).outcome == "improved"


def test_what_is_still_to_be_measured_is_named():
    change = decided(side(OLD), side(OLD[:3], missing=(3, 4)))
    assert (change.outcome, change.reason) == ("inconclusive", "not measured yet for seed 3, 4")


def test_what_is_worse_in_itself_but_not_after_correction_is_said_so():
    change = examine(pair(side(OLD), side([0.46, 0.53, 0.45, 0.47, 0.45])))
    found = change.decide(0.01, 0.01, 0.01)
    p = stats.ttest_rel([0.46, 0.53, 0.45, 0.47, 0.45], OLD).pvalue
    assert 0.01 < p < ALPHA
    assert found.outcome == "worse before correction"
    assert (found.effect.level, found.effect.high < 0) == (0.95, True)
    assert found.reason == (
        "worse at 95 %, not at the 99 % that the correction for several comparisons asks"
    )
    assert found.needed > 5
    assert change.decide(p, 0.01, 0.01).outcome == "regressed"


@pytest.mark.parametrize("tolerance", [None, Tolerance(0.1), Tolerance(0.5), Tolerance(1.0)])
def test_an_outcome_never_contradicts_the_interval_printed_beside_it(tolerance: Tolerance | None):
    rng = np.random.default_rng(4)
    margin = tolerance.amount if tolerance else 0.0
    seen = set()
    for _ in range(400):
        old = rng.normal(size=5)
        new = old + rng.normal(rng.choice([-2.0, -0.5, 0.0]), rng.choice([0.1, 1.0, 3.0]), 5)
        found = examine(pair(side(old), side(new), tolerance=tolerance))
        found = found.decide(ALPHA / rng.integers(1, 9), ALPHA / 8, ALPHA / 8)
        low, high = found.effect.low, found.effect.high  # of recall, of which less is worse
        beyond, worse, better = high < -margin, high < 0, low > 0
        assert found.outcome != "not worse" or not worse
        assert (found.outcome in ("regressed", "worse before correction")) == beyond
        assert found.outcome != "tolerated" or (worse and low > -margin)
        assert found.outcome != "improved" or better
        seen.add(found.outcome)
    assert {"regressed", "worse before correction", "inconclusive"} <= seen
    assert ("tolerated" in seen) == (tolerance is not None)
