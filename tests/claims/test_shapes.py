"""Each shape of claim on small tables, with the tests of scipy beside it."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from analysis_tables import METRICS, claim, failed, row, table
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.claims.decidability import decidable
from harness.claims.effects import Effect
from harness.claims.questions import questions_of
from harness.claims.verdicts import decide
from harness.claims.wording import quantity
from harness.config.claim_shapes import SHAPES
from harness.statistics.one_mean import WIDENING

NONE = {"model": None, "against": None}
WIDTHS = {"a": [0.40, 0.41, 0.43], "b": [0.30, 0.32, 0.31], "c": [0.20, 0.23, 0.20]}


def verdict(frame, seeds=3, **changes):
    (found,) = decide([claim(**changes)], frame, METRICS, seeds)
    return found


def shaped(shape, **changes):
    sides = {
        "monotone": {**NONE, "models": ["a", "b", "c"], "direction": "falls"},
        "ordering": {**NONE, "models": ["a", "b", "c"]},
        "trade-off": {"metric": None, "better": "recall", "worse": "coverage"},
        "equivalence": {"delta": 0.1},
        "correlation": {**NONE, "metric": ["recall", "coverage"], "models": list("abcd"),
                        "above": 0.0},
        "threshold": {"against": None, "above": 0.5},
        "frontier": {"cost": "coverage", "model": ["a", "c"], "against": ["b", "d"]},
        "success": {"model": ["a", "c"], "against": ["b", "d"], "above": 0.5},
    }  # fmt: skip
    return {"shape": shape, **sides.get(shape, {}), **changes}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_dispatched(shape):
    asked = questions_of(claim(**shaped(shape)), METRICS)
    assert asked
    assert decidable(claim(**shaped(shape)), 10, ["digits"], 2).decidable


# -- equivalence ----------------------------------------------------------------------------


def test_equivalence_is_two_one_sided_tests():
    a, b = [0.60, 0.63, 0.61], [0.61, 0.62, 0.61]
    found = verdict(table({"a": a, "b": b}), **shaped("equivalence"))
    low, high = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert -0.1 < low < high < 0.1
    assert found.outcome == "supported"
    assert (found.effect.low, found.effect.high) == pytest.approx((low, high))
    assert (found.effect.mirror, found.effect.null, found.effect.limit) == (-0.1, 0, 0.1)
    assert found.sentence.startswith(
        "Supported: a has the same RECALL as b to within 0.1 on digits: difference 0.000 ["
    )


def test_equivalence_is_refuted_where_the_interval_lies_outside():
    frame = table({"a": [0.60, 0.63, 0.61], "b": [0.40, 0.41, 0.42]})
    for sides in ({}, {"model": "b", "against": "a"}):
        found = verdict(frame, **shaped("equivalence", delta=0.05, **sides))
        assert found.outcome == "refuted"
        assert "it is not true that" in found.sentence
        assert "; the difference is larger" in found.sentence
    assert verdict(frame, **shaped("equivalence", delta=0.2)).outcome == "inconclusive"


def test_equivalence_of_ratios_is_the_same_both_ways():
    frame = table({"a": [20.0, 21, 22], "b": [20.5, 21.2, 21.6]}, metric="fid")
    one = verdict(frame, **shaped("equivalence", metric="fid"))
    other = verdict(frame, **shaped("equivalence", metric="fid", model="b", against="a"))
    assert one.p == pytest.approx(other.p)
    assert one.effect.limit == pytest.approx(1.1)
    assert one.effect.mirror == pytest.approx(1 / 1.1)
    assert "to within a factor of 1.1" in one.sentence


def test_equivalence_with_a_constant():
    found = verdict(
        table({"a": [0.52, 0.49, 0.5]}), **shaped("equivalence", against=None, equals=0.5)
    )
    assert found.outcome == "supported"
    assert "the same RECALL as 0.5" in found.sentence


def test_equivalence_needs_as_many_seeds_as_both_limits_take():
    frame = table({"a": [0.6, 0.7, 0.64], "b": [0.62, 0.66, 0.65]})
    wide, narrow = (
        verdict(frame, **shaped("equivalence", delta=delta)).seeds_needed for delta in (0.07, 0.04)
    )
    assert 3 < wide < narrow


# -- monotone and ordering ------------------------------------------------------------------


def test_monotone_hangs_on_its_weakest_step():
    found = verdict(table(WIDTHS), **shaped("monotone"))
    steps = [stats.ttest_rel(WIDTHS[x], WIDTHS[y]).pvalue for x, y in ("ab", "bc")]
    assert found.outcome == "supported"
    assert found.p == pytest.approx(max(steps))
    assert [(part.model, part.other) for part in found.parts] == [("b", "a"), ("c", "b")]
    assert "RECALL falls with every step of a, b and c on digits" in found.sentence
    assert "the weakest is RECALL of" in found.sentence


def test_one_step_the_other_way_refutes_although_the_ends_fall():
    # A trend test sees the fall and supports; nobody would call this monotone.
    values = WIDTHS | {"c": [0.335, 0.352, 0.341]}
    scores = np.array([values[name] for name in "cba"]).T
    assert stats.page_trend_test(scores).pvalue > 0.05
    found = verdict(table(values), **shaped("monotone"))
    assert found.outcome == "refuted"
    assert found.about == "RECALL of c against b on digits"
    assert found.level == pytest.approx(1 - 0.05 / 2)


def test_an_ordering_has_the_best_first():
    found = verdict(table(WIDTHS), **shaped("ordering"))
    assert found.outcome == "supported"
    assert "by RECALL the order is a, then b, then c on digits" in found.sentence
    assert found.p == pytest.approx(
        verdict(table(WIDTHS), **shaped("monotone", direction="falls")).p
    )
    lower = table({name: np.multiply(100, v) for name, v in WIDTHS.items()}, metric="fid")
    backwards = verdict(lower, **shaped("ordering", metric="fid", models=["c", "b", "a"]))
    assert backwards.outcome == "supported"


def test_steps_are_averaged_over_datasets_each_by_itself():
    noisy = {"a": [0.5, 0.41, 0.45], "b": [0.3, 0.38, 0.31], "c": [0.1, 0.2, 0.15]}
    frame = pd.concat([table(WIDTHS), table(noisy, dataset="mnist")])
    found = verdict(frame, **shaped("monotone", over="average"))
    assert len(found.parts) == 4
    assert "in both comparisons" in found.sentence


# -- trade-off ------------------------------------------------------------------------------


def traded(coverage):
    first = table({"a": [0.60, 0.63, 0.61], "b": [0.40, 0.41, 0.42]})
    return pd.concat([first, table(coverage, metric="coverage")])


def test_a_trade_off_holds_where_both_sides_do():
    frame = traded({"a": [0.2, 0.22, 0.19], "b": [0.4, 0.43, 0.41]})
    found = verdict(frame, **shaped("trade-off"))
    assert found.outcome == "supported"
    assert "a has better RECALL and worse COVERAGE than b on digits" in found.sentence
    assert verdict(frame, **shaped("trade-off", model="b", against="a")).outcome == "refuted"


def test_a_trade_off_that_costs_nothing_is_none():
    frame = traded({"a": [0.62, 0.66, 0.64], "b": [0.4, 0.43, 0.41]})
    found = verdict(frame, **shaped("trade-off"))
    assert found.outcome == "refuted"
    assert found.about == "COVERAGE of a on digits"


def test_better_by_one_metric_at_the_same_other():
    frame = traded({"a": [0.41, 0.42, 0.42], "b": [0.4, 0.43, 0.41]})
    found = verdict(
        frame,
        **shaped("trade-off", worse=None, same="coverage", delta={"coverage": 0.1, "recall": 0.1}),
    )
    assert found.outcome == "supported"
    assert "better RECALL by more than 0.1 than b at the same COVERAGE to within 0.1" in (
        found.sentence
    )


# -- correlation ----------------------------------------------------------------------------

RECALL = {"a": [1, 1.1, 0.9], "b": [2, 2.2, 2.4], "c": [3, 3.3, 2.2], "d": [4.0, 3.1, 4.4]}
FID = {"a": [9, 8, 9.5], "b": [7, 7.5, 8], "c": [5.0, 4, 3], "d": [2, 4.5, 1]}


def two_metrics(second=FID, name="fid"):
    return pd.concat([table(RECALL), table(second, metric=name)])


def test_a_correlation_is_the_mean_of_one_a_seed_with_better_as_more():
    found = verdict(two_metrics(), **shaped("correlation", metric=["recall", "fid"], above=-0.5))
    each = [
        stats.spearmanr([RECALL[m][s] for m in "abcd"], [-FID[m][s] for m in "abcd"]).statistic
        for s in range(3)
    ]
    half = WIDENING * stats.sem(each) * stats.t.ppf(0.975, 2)
    assert [block.value for block in found.parts[0].blocks] == pytest.approx(each)
    assert found.effect.kind == "rank correlation"
    assert found.effect.value == pytest.approx(np.mean(each))
    assert (found.effect.low, found.effect.high) == pytest.approx((np.mean(each) - half, 1.0))
    assert np.mean(each) + half > 1
    assert found.effect.null == -0.5
    assert found.outcome == "supported"
    assert (
        "the rank correlation of RECALL and FID over a, b, c and d is above −0.5 on digits: "
        "rank correlation 0.93 [0.36, 1.00]"
    ) in found.sentence
    assert len(found.parts[0].blocks[0].runs) == 4


def test_metrics_that_disagree_refute():
    found = verdict(
        two_metrics({m: [10 - x for x in v] for m, v in FID.items()}, "fid"),
        **shaped("correlation", metric=["recall", "fid"], above=0.5),
    )
    assert found.outcome == "refuted"


def test_a_failed_cell_keeps_a_seed_from_its_correlation():
    frame = failed(two_metrics(), "b", 1)
    asked = shaped("correlation", metric=["recall", "fid"], above=-0.5)
    assert "b diverged on digits at seed 1" in verdict(frame, **asked).reason
    dropped = verdict(frame, **asked, failures="drop")
    assert dropped.reason == "2 blocks on digits, and at least 3 are needed"


def test_a_metric_that_ranks_nothing_has_no_correlation():
    frame = two_metrics({m: [1.0, 2.0, 3.0] for m in "abcd"})
    found = verdict(frame, **shaped("correlation", metric=["recall", "fid"]))
    assert found.reason == "withheld, because FID is the same for all models at seed 0 on digits"


POINTS = {"a": 0.0, "b": 0.1, "c": -0.1, "d": 0.05}
"""By how much FID is off at points where it is flat."""


def flat(errors, level=5.0, drop=0.0):
    """Recall rises from point to point; FID falls by `drop`, and wanders by less than its error."""
    rows = []
    for place, (model, off) in enumerate(POINTS.items()):
        for seed in range(5):
            wander = off * (-1) ** (seed // 2) + 0.01 * ((seed * 7 + place * 3) % 5)
            fid = level - drop * place + wander
            rows.append(row(model, seed, fid, metric="fid", stderr=errors))
            rows.append(row(model, seed, place + 0.1 * ((seed + place) % 3), stderr=0.01))
    return pd.DataFrame(rows)


@pytest.mark.parametrize("errors", [0.4, np.nan])
@pytest.mark.parametrize("side", [{"above": 0.5}, {"above": None, "below": 0.5}])
def test_what_hardly_changes_cannot_be_tracked(errors, side):
    """As the FID of a plain GAN over its training: neither tracked nor shown not to be."""
    asked = shaped("correlation", metric=["recall", "fid"]) | side
    found = verdict(flat(errors), 5, **asked)
    assert found.outcome == "not evaluable"
    assert "withheld, because on digits FID hardly changes beyond its own noise" in found.reason
    assert "hardly changes" not in verdict(flat(errors, drop=1), 5, **asked).reason


def test_a_judge_that_does_not_change_is_evidence():
    """Of quality that does change, a model's own adversary that says the same tells nothing."""
    frame = flat(0.01, drop=1).replace({"metric": {"recall": "critic"}})
    noise = np.random.default_rng(0)
    is_critic = frame["metric"] == "critic"
    frame.loc[is_critic, "value"] = 1 + 0.01 * noise.normal(size=is_critic.sum())
    frame.loc[is_critic, "stderr"] = 0.4
    metrics = METRICS | {"critic": replace(METRICS["recall"], name="critic", own_scale=True)}
    asked = shaped("correlation", metric=["critic", "fid"], above=None, below=0.95)
    found = decide([claim(**asked)], frame, metrics, 5)[0]
    assert not found.reason
    assert found.effect.value < 0.8


def test_points_in_training_correlate_as_models_do():
    renamed = {"a": "m@0.1", "b": "m@0.4", "c": "m@0.7", "d": "m"}
    frame = two_metrics().replace({"model": renamed})
    found = verdict(
        frame,
        **shaped("correlation", metric=["recall", "fid"], above=-0.5,
                 models=[{"model": "m", "at": [0.1, 0.4, 0.7, 1]}]),
    )  # fmt: skip
    assert found.outcome == "supported"
    assert "over 4 points in the training of m is above −0.5" in found.sentence
    assert found.parts[0].model == "4 points in the training of m"


# -- spread ---------------------------------------------------------------------------------


def test_a_smaller_spread_is_found_whatever_the_means():
    rng = np.random.default_rng(3)
    values = {"a": rng.normal(0.9, 0.01, 12), "b": rng.normal(0.2, 0.2, 12)}
    found = verdict(table(values), 12, **shaped("spread"))
    away = {m: np.abs(v - np.median(v)) for m, v in values.items()}
    theirs = stats.ttest_rel(away["a"], away["b"])
    assert found.outcome == "supported"
    assert found.p == pytest.approx(theirs.pvalue)
    assert "a has a smaller spread of RECALL over seeds than b on digits" in found.sentence
    assert verdict(table(values), 12, **shaped("spread", model="b", against="a")).outcome == (
        "refuted"
    )


def test_spreads_over_few_seeds_are_not_compared():
    found = verdict(table(WIDTHS), **shaped("spread"))
    assert found.reason == "3 blocks on digits, and at least 5 are needed"


@pytest.mark.parametrize("seeds", [5, 6, 10])
@pytest.mark.parametrize("draw", ["normal", "exponential", "standard_cauchy"])
def test_equal_spreads_are_seldom_found_unequal(draw, seeds):
    """Of 300 experiments without a difference at most 5 % are supported; three standard errors are
    3.8 points. The exact test for normal scores finds up to a fifth of the exponential ones.
    """
    rng = np.random.default_rng(seeds)
    x = getattr(rng, draw)(size=(300, 2, seeds))
    away = np.abs(x - np.median(x, axis=2, keepdims=True))
    difference = away[:, 0] - away[:, 1]
    p = stats.ttest_1samp(difference, 0.0, axis=1, alternative="less").pvalue
    assert (p < 0.025).mean() <= 0.05 + 0.038


# -- all ------------------------------------------------------------------------------------


def test_no_metric_is_compared_across_protocols():
    frame = table(WIDTHS)
    frame.loc[frame["model"] == "c", ["protocol", "protocol_key"]] = ["recall[n=5/9 test]", "z"]
    assert "counts (n=5/9 test against n=9/9 test)" in verdict(frame, **shaped("monotone")).reason
    both = two_metrics()
    at = (both["model"] == "c") & (both["metric"] == "fid")
    both.loc[at, ["protocol", "protocol_key"]] = ["fid[n=5/9 test]", "z"]
    asked = shaped("correlation", metric=["recall", "fid"])
    assert "counts" in verdict(both, **asked).reason


@pytest.mark.parametrize("shape", SHAPES)
def test_every_verdict_becomes_json_and_names_its_runs(shape):
    rng = np.random.default_rng(1)
    rows = []
    for model, level in zip("abcd", (0, 0, 2, 2), strict=True):
        for seed in range(6):
            recall = level + rng.random()
            rows.append(row(model, seed, recall, stderr=0.01))
            coverage = 4 - recall + rng.random() / 2
            rows.append(row(model, seed, coverage, metric="coverage", stderr=0.01))
    found = verdict(pd.DataFrame(rows), 6, **shaped(shape))
    assert "run-a-0" in found.runs
    text = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert text["claim"]["shape"] == shape
    assert text["method"]
    assert text["parts"][0]["protocol"].startswith("recall[n=9/9 test]")


def test_holm_counts_every_claim_whatever_its_shape():
    claims = [claim(id="one"), claim(id="two", **shaped("monotone")), claim(id="three")]
    found = decide(claims, table(WIDTHS), METRICS, 3)
    levels = sorted(round((1 - v.level) / 0.05, 6) for v in found)
    assert min(levels) == pytest.approx(1 / 3, abs=1e-5)
    assert all("Holm's correction over 3 claims" in v.method for v in found)


@given(st.lists(st.floats(0.1, 10), min_size=4, max_size=4), st.floats(0.05, 1))
@settings(max_examples=25, deadline=None)
def test_what_is_equal_is_never_beyond_the_same_margin(b, delta):
    frame = table({"a": [1.0, 2.0, 3.0, 2.5], "b": b})
    equal = verdict(frame, 4, **shaped("equivalence", delta=delta)).outcome
    beyond = verdict(frame, 4, delta=delta).outcome
    assert not (equal == "supported" and beyond == "supported")
    if equal == "supported":
        assert beyond == "refuted"


# -- words ----------------------------------------------------------------------------------


def test_no_end_of_a_ratios_interval_prints_as_zero():
    wide = Effect("ratio", 0.21, 0.013, 3.5, 0.95, null=1.0, limit=1.0, towards="lower")
    assert quantity(wide) == "ratio 0.21 [0.01, 3.50]"
    assert quantity(replace(wide, kind="difference")) == "difference +0.2 [0.0, 3.5]"
