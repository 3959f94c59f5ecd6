from dataclasses import replace

import pytest
from analysis_tables import METRICS, claim

from harness.claims.decidability import decidable


def test_two_seeds_decide_nothing():
    found = decidable(claim(), seeds=2, datasets=["digits"], claims=1)
    assert not found.decidable
    assert found.effect is None
    assert "at least 3 seeds" in found.sentence


def test_the_level_is_holms_worst_case():
    assert decidable(claim(), 3, ["digits"], claims=4).level == pytest.approx(1 - 0.05 / 4)


def test_more_seeds_and_fewer_claims_show_smaller_effects():
    effect = {
        (seeds, claims): decidable(claim(), seeds, ["digits"], claims).effect
        for seeds in (3, 10)
        for claims in (1, 4)
    }
    assert effect[10, 1] < effect[10, 4] < effect[3, 4]
    assert effect[3, 1] < effect[3, 4]


def test_an_average_gathers_the_seeds_of_its_datasets():
    average = claim(over="average")
    assert decidable(average, 2, ["digits", "mnist"], 1).decidable
    many = decidable(average, 3, ["digits", "mnist"], 1).effect
    assert many < decidable(average, 3, ["digits"], 1).effect


def test_a_constant_needs_twice_the_effect():
    beside = claim(against=None, above=0.5)
    plain = decidable(claim(), 5, ["digits"], 1).effect
    assert decidable(beside, 5, ["digits"], 1).effect == pytest.approx(2 * plain)


@pytest.mark.parametrize(
    ("seeds", "claims", "more"), [(3, 1, "3 more"), (3, 2, "4 more"), (6, 2, "1 more"), (6, 1, "")]
)
def test_counts_that_may_tie_need_the_seeds_of_the_exact_test(seeds, claims, more):
    counts = METRICS | {"recall": replace(METRICS["recall"], counts=True)}
    plan = decidable(claim(), seeds, ["digits"], claims, counts)
    assert plan.decidable
    assert ("by the exact sign-flip test" in plan.sentence) == bool(more)
    assert more in plan.sentence
