import numpy as np
import pytest
from analysis_tables import METRICS, claim, table

from harness.claims.looks import ClaimLooks
from harness.claims.verdicts import decide

CLEAR = {"a": [0.60, 0.63, 0.61, 0.62, 0.60, 0.64], "b": [0.40, 0.41, 0.42, 0.40, 0.43, 0.41]}
OPEN = {"a": [0.60, 0.42, 0.61, 0.62, 0.60, 0.64], "b": [0.40, 0.41, 0.42, 0.40, 0.43, 0.41]}


def looks(*seeds: range, most: int | None = None) -> ClaimLooks:
    return ClaimLooks(tuple(map(tuple, seeds)), most)


def looked(values, of_claim, count=6):
    return decide([claim()], table(values), METRICS, count, looks={"c": of_claim})[0]


def test_the_only_look_has_four_fifths_of_alpha_and_all_where_no_more_seeds_are_declared():
    assert looked(CLEAR, looks(range(6))).level == pytest.approx(0.96)
    assert looked(CLEAR, looks(range(6), most=6)).level == pytest.approx(0.95)


def test_the_first_look_that_decides_stands():
    found = looked(CLEAR, looks(range(3), range(6)))
    assert found.outcome == "supported"
    assert len(found.parts[0].blocks) == 3
    assert found.method.endswith(", at look 1 of 2 (at 3 and 6 seeds)")


def test_a_later_look_has_the_level_that_the_first_one_left():
    first = looked(OPEN, looks(range(3)))
    assert first.outcome == "inconclusive"
    second = looked(OPEN, looks(range(3), range(6)))
    assert len(second.parts[0].blocks) == 6
    assert 0.99 < second.level < 0.992
    assert second.level > looked(OPEN, looks(range(6))).level


def test_seeds_that_other_claims_needed_are_no_look_at_this_one():
    found = looked(OPEN, looks(range(3)))
    assert [block.seed for block in found.parts[0].blocks] == [0, 1, 2]
    assert found.outcome == "inconclusive"


def test_a_look_whose_seeds_are_lost_decides_nothing():
    found = looked(CLEAR, looks(range(3, 9)))
    assert found.outcome == "not evaluable"
    assert "3 of 6 seeds" in found.reason


def test_looks_keep_the_share_of_false_verdicts_below_alpha():
    rng, false = np.random.default_rng(0), 0
    three = looks(range(3), range(5), range(10))
    for _ in range(300):
        values = {"a": rng.normal(size=10), "b": rng.normal(size=10)}
        false += looked(values, three, 10).outcome in ("supported", "refuted")
    assert false <= 300 * 0.05 + 3 * np.sqrt(300 * 0.05 * 0.95)


def test_a_look_at_as_many_seeds_is_the_same_look():
    first = looks(range(3), most=9)
    assert first.with_look(range(3)) == first
    assert first.with_look([5, 3, 4, 2, 1]) == ClaimLooks(((0, 1, 2), (1, 2, 3, 4, 5)), 9)
