"""Shares of settings that succeed, on grids whose shares are known."""

import pytest
from analysis_tables import METRICS, claim, failed, table
from scipy import stats

from harness.claims.verdicts import decide

GRID = {
    "shape": "success", "metric": "fid", "below": 10.0,
    "model": ["slow", "fast"], "against": ["other-slow", "other-fast"],
}  # fmt: skip


def values(**changes):
    """Of the first grid all succeed but `fast` at seed 1; of the other `other-slow` alone, and not
    at seed 4. A value at the constant is no success.
    """
    plain = {
        "slow": [1.0, 2.0, 3.0, 4.0, 5.0], "fast": [9.0, 10.0, 9.0, 9.0, 9.0],
        "other-slow": [9.0, 9.0, 9.0, 9.0, 20.0], "other-fast": [50.0] * 5,
    }  # fmt: skip
    return table({**plain, **changes}, metric="fid")


def verdict(frame, **changes):
    return decide([claim(**{**GRID, **changes})], frame, METRICS, 5)[0]


def test_each_seed_has_the_share_of_each_side_that_succeeds():
    (part,) = verdict(values()).parts
    assert [block.value for block in part.blocks] == [1.0, 0.5, 1.0, 1.0, 1.0]
    assert [block.other for block in part.blocks] == [0.5, 0.5, 0.5, 0.5, 0.0]
    assert (part.title, part.model, part.other) == (
        "success rate by FID", "slow and fast", "other-slow and other-fast",
    )  # fmt: skip
    assert set(part.runs) >= {"run-fast-1", "run-other-slow-4"}


def test_the_effect_is_the_mean_difference_of_the_shares():
    wider = {f"m{i}": [1.0, 20.0, 1.0, 1.0, 20.0] for i in range(3)}
    wider |= {"m0": [1.0] * 5, "n": [20.0] * 5}
    frame = table(wider, metric="fid")
    outcome = verdict(frame, model=["m0", "m1", "m2"], against=["n"])
    shares = [1.0, 1 / 3, 1.0, 1.0, 1 / 3]
    assert outcome.effect.kind == "difference"
    assert outcome.effect.value == pytest.approx(sum(shares) / 5)
    assert -1 <= outcome.effect.low <= outcome.effect.high <= 1


def test_shares_that_vary_are_tested_by_students_t():
    grid = {f"m{i}": [1.0 if i <= seed + 2 else 20.0 for seed in range(5)] for i in range(7)}
    frame = table(grid | {"n": [20.0] * 5}, metric="fid")
    outcome = verdict(frame, model=list(grid), against="n")
    shares = [(seed + 3) / 7 for seed in range(5)]
    assert outcome.outcome == "supported"
    assert outcome.p == pytest.approx(stats.ttest_1samp(shares, 0).pvalue)
    assert "the success rate by FID (below 10) is higher over m0, m1" in outcome.sentence


def test_fewer_successes_refute():
    outcome = verdict(
        values(fast=[9.0] * 5, **{"other-slow": [20.0] * 5}),
        model=GRID["against"], against=GRID["model"],
    )  # fmt: skip
    assert "the opposite of what is claimed" in outcome.sentence
    more = {f"m{i}": [1.0 if i <= seed + 2 else 20.0 for seed in range(5)] for i in range(7)}
    frame = table(more | {"n": [20.0] * 5}, metric="fid")
    assert verdict(frame, model="n", against=list(more)).outcome == "refuted"


def test_a_cell_that_diverges_is_no_success():
    frame = failed(values(), "slow", 2)
    (part,) = verdict(frame).parts
    assert part.blocks[2].value == 0.5
    assert part.blocks[2].note == "diverged: loss became NaN; counted as no success"
    assert "slow diverged on digits at seed 2" in verdict(frame, failures="withhold").reason
    dropped = verdict(frame, failures="drop").parts[0]
    assert [block.value is None for block in dropped.blocks] == [0, 0, 1, 0, 0]


def test_success_may_lie_above_the_constant():
    frame = table({"a": [0.6, 0.7, 0.4], "b": [0.5, 0.4, 0.3]})
    asked = {"metric": "recall", "above": 0.5, "below": None, "model": "a", "against": "b"}
    (part,) = decide([claim(**{**GRID, **asked})], frame, METRICS, 3)[0].parts
    assert [block.value for block in part.blocks] == [1.0, 1.0, 0.0]
    assert [block.other for block in part.blocks] == [0.0, 0.0, 0.0]


def test_what_is_missing_or_measured_otherwise_is_not_compared():
    frame = values()
    assert "is not measured yet for seed 0" in verdict(frame.iloc[1:]).reason
    frame.loc[frame["model"] == "slow", ["protocol", "protocol_key"]] = ["fid[n=5/9 test]", "z"]
    assert "counts (n=" in verdict(frame).reason
