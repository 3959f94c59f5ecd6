"""The simulation counts what it says: wrong verdicts, and rates that lie beyond alpha."""

import numpy as np
import pytest
import soundness
from soundness import KINDS, SETTINGS, Tally, beyond, pair_case, standard, two_sides


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_standard_and_share_what_is_the_seeds(kind: str):
    rng = np.random.default_rng(0)
    scores = standard(kind, rng, 200_000)
    assert (scores.mean(), scores.std()) == pytest.approx((0, 1), abs=0.05)
    a, b = two_sides(kind, rng, 200_000, shared=0.5)
    assert np.corrcoef(a, b)[0, 1] == pytest.approx(0.5, abs=0.05)


def test_a_verdict_counts_as_false_where_the_truth_is_another():
    a, b = np.array([5.0, 5.1, 4.9]), np.array([1.0, 1.2, 0.9])
    tally = Tally()
    tally.add(pair_case(a, b), 3)
    assert (tally.false_supported, tally.false_refuted, tally.covered) == (1, 0, 0)
    tally.add(pair_case(b, a), 3)
    assert (tally.false_supported, tally.false_refuted) == (1, 1)
    tally.add(pair_case(a, b, holds=True), 3)
    tally.add(pair_case(b, a, opposite=True), 3)
    assert (tally.suites, tally.false_supported, tally.false_refuted) == (4, 1, 1)


def test_a_rate_is_marked_only_where_chance_does_not_explain_it():
    assert not beyond(0, 100)
    assert not beyond(60, 1000)
    assert beyond(80, 1000)
    assert soundness.share(80, 1000, mark=True) == "8.0 !"


def test_every_setting_can_be_judged():
    for name in SETTINGS:
        assert soundness.simulate(name, 3, 1).suites == 1


def test_rules_see_a_difference_that_nobody_could_miss_and_the_gate_too():
    count = 3
    assert soundness.says_better("normal", 10, 50.0, count) == [count] * len(soundness.RULES)
    alarms, passes = soundness.rates(soundness.Checks(5, 5, 0.9), 50.0, count)
    assert (alarms, passes) == (count, 0)
