import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from analysis_tables import METRICS, claim, failed, row, table
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.claims.verdicts import decide
from harness.core.errors import BadInput
from harness.statistics.one_mean import WIDENING

A = [0.60, 0.63, 0.61]
B = [0.40, 0.41, 0.42]
CLEAR = table({"a": A, "b": B})


def verdict(frame, seeds=3, datasets=None, **changes):
    (found,) = decide([claim(**changes)], frame, METRICS, seeds, datasets)
    return found


def test_supported_with_the_effect_and_interval_of_the_paired_t_test():
    found = verdict(CLEAR)
    theirs = stats.ttest_rel(A, B)
    assert found.outcome == "supported"
    assert found.p == pytest.approx(theirs.pvalue)
    low, high = theirs.confidence_interval(0.95)
    assert (found.effect.low, found.effect.high) == pytest.approx((low, high))
    assert found.effect.value == pytest.approx(np.mean(A) - np.mean(B))
    assert found.sentence == (
        "Supported: a has higher RECALL than b on digits: difference +0.203 [0.165, 0.241] "
        "(95 % interval over training seeds, 3 paired blocks)."
    )


def test_the_blocks_are_the_evidence():
    (part,) = verdict(CLEAR).parts
    assert [(b.seed, b.value, b.other) for b in part.blocks] == list(
        zip(range(3), A, B, strict=True)
    )
    assert part.blocks[2].run_id == "run-a-2"
    assert part.blocks[2].other_run_id == "run-b-2"


def test_refuted_where_it_is_the_other_way_round():
    found = verdict(CLEAR, direction="lower")
    assert found.outcome == "refuted"
    assert "the other way round" in found.sentence


def test_refuted_where_the_effect_lies_within_the_margin():
    found = verdict(CLEAR, delta=0.5)
    assert found.outcome == "refuted"
    assert "within the margin" in found.sentence


def test_supported_only_beyond_the_margin():
    assert verdict(CLEAR, delta=0.1).outcome == "supported"
    assert verdict(CLEAR, delta=0.2).outcome == "inconclusive"


def test_inconclusive_says_how_many_seeds_would_do():
    found = verdict(table({"a": [0.5, 0.4, 0.6], "b": [0.45, 0.42, 0.5]}))
    assert found.outcome == "inconclusive"
    assert found.seeds_needed > 3
    assert f"about {found.seeds_needed} seeds" in found.sentence


def test_positive_skewed_metrics_are_compared_as_ratios():
    a, b = [20.0, 22.0, 21.0], [40.0, 46.0, 41.0]
    found = verdict(table({"a": a, "b": b}, metric="fid"), metric="fid")
    theirs = stats.ttest_rel(np.log(a), np.log(b)).confidence_interval(0.95)
    assert found.outcome == "supported"
    assert found.effect.kind == "ratio"
    assert (found.effect.low, found.effect.high) == pytest.approx(tuple(np.exp(theirs)))
    assert found.effect.null == 1
    assert verdict(table({"a": a, "b": b}, metric="fid"), metric="fid", delta=0.5).effect.limit == (
        pytest.approx(1 / 1.5)
    )


def test_values_that_are_not_positive_are_compared_as_differences_and_it_says_so():
    frame = table({"a": [-0.1, 0.2, 0.1], "b": [3.0, 3.5, 3.2]}, metric="fid")
    found = verdict(frame, metric="fid")
    assert found.effect.kind == "difference"
    assert "not above zero" in found.sentence
    assert "margin" in verdict(frame, metric="fid", delta=0.1).reason


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"above": 0.5}, "supported"),
        ({"above": 0.7}, "refuted"),
        ({"below": 0.7}, "supported"),
        ({"below": 0.612}, "inconclusive"),
    ],
)
def test_a_constant_is_tested_with_one_sample(changes, outcome):
    """The standard error counts twice: one model's values may be skewed."""
    found = verdict(CLEAR, against=None, **changes)
    (constant,) = changes.values()
    assert found.outcome == outcome
    statistic = stats.ttest_1samp(A, constant).statistic / WIDENING
    assert found.p == pytest.approx(2 * stats.t.sf(abs(statistic), 2))


def test_fewer_than_three_blocks():
    found = verdict(table({"a": A[:2], "b": B[:2]}), seeds=2)
    assert found.outcome == "not evaluable"
    assert found.reason == "2 blocks on digits, and at least 3 are needed"


def equal(value, seeds):
    return [value] * seeds


@pytest.mark.parametrize(
    ("changes", "outcome", "text"),
    [
        ({"a": 3, "b": 1}, "supported", "is +2.000, the same in all 3 seeds: as is claimed"),
        ({"a": 1, "b": 3}, "refuted", "is −2.000, the same in all 3 seeds: the opposite of"),
        (
            {"a": 2, "b": 2, "delta": 0.5},
            "refuted",
            "is 0, the same in all 3 seeds: the opposite of what is claimed",
        ),
        ({"a": 2, "b": 1, "delta": 1.5}, "refuted", "in all 3 seeds: the opposite"),
        ({"a": 9, "above": 9.5}, "refuted", "is −0.5000, the same in all 3 seeds: the opposite"),
        (
            {"a": 2, "b": 1, "shape": "equivalence", "delta": 0.5},
            "refuted",
            "is +1.000, the same in all 3 seeds: the opposite",
        ),
    ],
)
def test_seeds_that_agree_decide_by_the_sign_flip_test_from_six_on(changes, outcome, text):
    asked = {name: value for name, value in changes.items() if name not in ("a", "b")}
    if "above" in asked:
        asked["against"] = None
    sides = {name: value for name, value in changes.items() if name in ("a", "b")}
    three = verdict(table({name: equal(value, 3) for name, value in sides.items()}), **asked)
    assert three.outcome == "inconclusive"
    assert text in three.sentence
    assert "3 more would decide, by the exact sign-flip test." in three.sentence
    assert three.seeds_needed == 6
    assert three.effect.level == 0.75
    six = verdict(table({name: equal(value, 6) for name, value in sides.items()}), 6, **asked)
    assert six.outcome == outcome
    assert six.p == 2**-5
    assert six.method == "exact sign-flip test over training seeds, at 95 %"
    assert "(95 % interval by the exact sign-flip test over training seeds, 6" in six.sentence


def test_seeds_without_any_difference_do_not_refute_a_claim_of_any():
    frame = table({"a": equal(2, 9), "b": equal(2, 9)})
    found = verdict(frame, 9)
    assert found.outcome == "inconclusive"
    assert found.seeds_needed is None
    assert found.sentence == (
        "Inconclusive: the difference on digits is 0, the same in all 9 seeds: none at all, where "
        "one is claimed; no number of seeds refutes a claim without a `delta`."
    )


def test_holms_correction_asks_for_more_seeds_that_agree():
    frame = table({"a": equal(3, 7), "b": equal(1, 7)})
    asked = [claim(id=f"c{i}", delta=0.1 * i) for i in range(3)]
    assert {v.outcome for v in decide(asked, frame, METRICS, 7)} == {"supported"}
    frame = table({"a": equal(3, 6), "b": equal(1, 6)})
    (first, *_) = decide(asked, frame, METRICS, 6)
    assert first.outcome == "inconclusive"
    assert "the same in all 6 seeds: as is claimed; 1 more would decide" in first.sentence


def test_counts_that_differ_in_few_ways_are_flipped_too():
    frame = table({"a": [25, 25, 25, 24, 25, 25, 25, 25], "b": equal(22, 8)})
    found = verdict(frame, 8)
    assert found.outcome == "supported"
    assert found.p == 2**-7
    assert (found.effect.low, found.effect.high) == (2.5, 3.0)


def test_what_speaks_against_is_named_first():
    frame = pd.concat(
        [
            table({"a": equal(3, 3), "b": equal(1, 3)}),
            table({"a": equal(1, 3), "b": equal(3, 3)}, metric="coverage"),
        ]
    )
    found = verdict(frame, metric=["recall", "coverage"])
    assert "is −2.000, the same in all 3 seeds: the opposite" in found.sentence
    assert "(for COVERAGE of a on digits); 4 more would decide" in found.sentence


@pytest.mark.parametrize(
    ("changes", "instead"),
    [
        ({}, "say `direction: higher` or `direction: lower`"),
        ({"shape": "ordering", "models": ["a", "b"], "model": None, "against": None}, "order the"),
        ({"shape": "trade-off", "better": "gap", "worse": "recall", "metric": None}, "'higher'"),
        ({"direction": "higher", "failures": "lose"}, "say `failures: withhold` or `drop`"),
    ],
)
def test_a_metric_without_a_better_side_needs_one_named(changes, instead):
    gap = replace(METRICS["recall"], name="gap", better="nearer", ideal=0.0)
    metrics = METRICS | {"gap": gap}
    frame = table({"a": A, "b": B}, metric="gap")
    with pytest.raises(BadInput, match="claim 'c': gap has no better side") as error:
        decide([claim(**{"metric": "gap"} | changes)], frame, metrics, 3)
    assert instead in str(error.value)


def test_a_claim_names_a_direction_of_a_metric_without_a_better_side():
    gap = replace(METRICS["recall"], name="gap", better="nearer", ideal=0.0)
    metrics = METRICS | {"gap": gap}
    frame = pd.concat([CLEAR, table({"a": A, "b": B}, metric="gap")])
    higher, lower = decide(
        [
            claim(metric="gap", direction="higher"),
            claim(id="d", shape="trade-off", metric=None, lower="gap", better="recall"),
        ],
        frame, metrics, 3,
    )  # fmt: skip
    assert (higher.outcome, lower.outcome) == ("supported", "refuted")
    assert "a has higher RECALL than b" in higher.sentence
    assert "a has better RECALL and lower RECALL than b" in lower.sentence


def test_protocols_that_differ_are_named():
    frame = CLEAR.copy()
    frame.loc[frame["model"] == "b", ["protocol", "protocol_key"]] = ["recall[n=5/9 test]", "z"]
    found = verdict(frame)
    assert found.outcome == "not evaluable"
    assert "counts (n=9/9 test against n=5/9 test)" in found.reason


def test_missing_cells_and_seeds():
    assert "seed 1" in verdict(CLEAR.drop(index=1)).reason
    assert "3 of 5 seeds" in verdict(CLEAR, seeds=5).reason
    assert verdict(CLEAR, datasets=["digits", "mnist"]).outcome == "not evaluable"
    assert verdict(CLEAR.iloc[:0]).reason == "nothing has been measured"


def test_a_failed_cell_withholds_the_verdict():
    found = verdict(failed(CLEAR, "b", 1))
    assert found.outcome == "not evaluable"
    assert "b diverged on digits at seed 1 (loss became NaN)" in found.reason


def test_a_failed_cell_is_dropped_with_its_pair():
    frame = failed(table({"a": [*A, 0.62], "b": [*B, 0.43]}), "b", 1)
    found = verdict(frame, seeds=4, failures="drop")
    assert found.outcome == "supported"
    assert found.p == pytest.approx(stats.ttest_rel([0.60, 0.61, 0.62], [0.40, 0.42, 0.43]).pvalue)
    assert "diverged" in found.parts[0].blocks[1].note


def test_a_failed_cell_loses_by_the_worst_value_reached():
    found = verdict(failed(CLEAR, "a", 1), failures="lose")
    assert found.parts[0].blocks[1].value == 0.40
    assert found.outcome == "inconclusive"
    other_side = verdict(failed(CLEAR, "b", 1), failures="lose")
    assert other_side.parts[0].blocks[1].other == 0.40
    assert other_side.outcome == "supported"


def test_a_value_that_is_no_number_is_a_failure():
    frame = CLEAR.copy()
    frame.loc[0, "value"] = np.nan
    assert "the value is nan" in verdict(frame).reason


def test_every_comparison_must_support():
    second = table({"a": [0.5, 0.52, 0.49], "b": [0.51, 0.49, 0.5]}, metric="coverage")
    frame = pd.concat([CLEAR, second])
    found = verdict(frame, metric=["recall", "coverage"])
    assert found.outcome == "inconclusive"
    assert found.about == "COVERAGE of a on digits"
    strong = table({"a": [0.8, 0.82, 0.79], "b": B}, metric="coverage")
    assert "in both comparisons" in verdict(pd.concat([CLEAR, strong]), metric=[
        "recall", "coverage"]).sentence  # fmt: skip


def test_one_comparison_that_contradicts_refutes_at_a_corrected_level():
    contrary = table({"a": B, "b": A}, metric="coverage")
    found = verdict(pd.concat([CLEAR, contrary]), metric=["recall", "coverage"])
    assert found.outcome == "refuted"
    assert found.level == pytest.approx(1 - 0.05 / 2)
    assert found.about == "COVERAGE of a on digits"


def test_the_average_over_datasets_is_stratified():
    second = table({"a": [0.5, 0.55, 0.52], "b": [0.45, 0.41, 0.47]}, dataset="mnist")
    found = verdict(pd.concat([CLEAR, second]), over="average")
    means = [np.mean(A) - np.mean(B), np.mean([0.05, 0.14, 0.05])]
    assert found.effect.value == pytest.approx(np.mean(means))
    assert "on average" in found.sentence


def test_metrics_of_different_scale_have_no_average():
    frame = pd.concat([CLEAR, table({"a": A, "b": B}, metric="fid")])
    assert "different scale" in verdict(frame, metric=["recall", "fid"], over="average").reason


def test_datasets_on_which_a_metric_does_not_apply_are_left_out():
    away = table({"a": [np.nan] * 3, "b": [np.nan] * 3}, dataset="mnist", status="not applicable",
                 reason="no unseen class")  # fmt: skip
    frame = pd.concat([CLEAR, away])
    assert verdict(frame).outcome == "supported"
    named = decide([claim(datasets=["digits", "mnist"])], frame, METRICS, 3)[0]
    assert named.reason == "RECALL is not applicable on mnist: no unseen class"


def test_a_claim_where_no_dataset_applies_says_why():
    frame = table({"a": [np.nan] * 3, "b": B}, status="not applicable", reason="no decoder")
    assert verdict(frame).reason == "RECALL is not applicable on digits: no decoder"


def test_holm_is_over_all_claims_of_the_suite():
    claims = [claim(id="one"), claim(id="two", model="b", against="missing"), claim(id="three")]
    first, second, third = decide(claims, CLEAR, METRICS, 3)
    assert second.outcome == "not evaluable"
    assert sorted([first.level, third.level]) == pytest.approx([1 - 0.05 / 2, 1 - 0.05 / 3])


def test_an_unknown_metric_is_bad_input():
    with pytest.raises(BadInput, match="did you mean 'recall'"):
        verdict(CLEAR, metric="recal")


def test_a_verdict_becomes_json():
    text = json.dumps(verdict(CLEAR).to_dict(), allow_nan=False)
    assert json.loads(text)["parts"][0]["blocks"][0]["run_id"] == "run-a-0"


pairs_of_values = st.lists(
    st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)), min_size=3, max_size=6
)


@given(pairs_of_values)
@settings(max_examples=25, deadline=None)
def test_swapping_the_sides_flips_the_verdict(pairs):
    a, b = zip(*pairs, strict=True)
    frame = table({"a": a, "b": b})
    one = verdict(frame, len(a)).outcome
    other = verdict(frame, len(a), model="b", against="a").outcome
    flipped = {"supported": "refuted", "refuted": "supported"}
    assert other == flipped.get(one, one)


@given(st.floats(1e-3, 1e3), st.permutations([11.0, 15.0, 12.0]))
@settings(max_examples=15, deadline=None)
def test_scaling_a_metric_on_the_log_scale_changes_nothing(factor, b):
    a = [10.0, 11.0, 10.5]
    plain = verdict(table({"a": a, "b": b}, metric="fid"), metric="fid")
    scaled = table({"a": [factor * x for x in a], "b": [factor * x for x in b]}, metric="fid")
    found = verdict(scaled, metric="fid")
    assert found.outcome == plain.outcome
    assert found.effect.low == pytest.approx(plain.effect.low)


@pytest.mark.slow
def test_false_support_is_as_rare_as_promised():
    """Under the null of no difference, at most alpha of the claims are supported; with two-sided
    intervals half of it. 400 experiments: three standard errors are 2.3 points.
    """
    rng = np.random.default_rng(2024)
    outcomes = []
    for _ in range(400):
        values = rng.normal(0.5, 0.05, size=(2, 3))
        frame = pd.DataFrame(
            [row(m, s, values[i, s]) for i, m in enumerate("ab") for s in range(3)]
        )
        outcomes.append(verdict(frame).outcome)
    assert outcomes.count("supported") / 400 <= 0.025 + 0.023
    assert outcomes.count("refuted") / 400 <= 0.025 + 0.023
    assert outcomes.count("supported") > 0


def test_an_interval_that_ends_close_to_its_limit_shows_on_which_side():
    frame = table({"a": [0.6, 0.9, 1.2], "b": [0.1, 0.11, 0.107]})
    low = verdict(frame).effect.low
    assert f"[{low:.2f}," in verdict(frame).sentence
    close = verdict(frame, delta=low - 0.001)
    assert close.outcome == "supported"
    assert f"[{low:.3f}," in close.sentence


@pytest.mark.parametrize(("real", "highest"), [([8], 0.0), ([], None)])
def test_no_interval_of_a_count_goes_beyond_what_real_images_have(real, highest):
    """The record of a count has no greatest value; real images tell how many there are."""
    metrics = {**METRICS, "modes": replace(METRICS["recall"], name="modes", counts=True)}
    frame = table({"a": [8.0, 2.0, 7.0, 6.0], "training images": real}, metric="modes")
    asked = claim(metric="modes", model="a", against=None, above=8)
    effect = decide([asked], frame, metrics, 4)[0].effect
    if highest is None:
        assert effect.high > 0
    else:
        assert effect.high == highest
