"""A claim whose metric a disturbance fools is withheld, unless another of its metrics notices."""

import pytest
from analysis_tables import table

from harness.claims.fooled import claims_withheld, missing_text, selftest_text
from harness.claims.verdicts import decide
from harness.config.claim_shapes import make_claim
from harness.metrics.base import Estimate, Metric
from harness.selftest.outcomes import SelftestResult


def metric(name: str, better: str, ideal: float | None = None) -> Metric:
    return Metric(name, lambda: Estimate(0.0), better, name.upper(), "", ideal=ideal)


METRICS = {
    "detail": metric("detail", "nearer", 0.0),
    "naive": metric("naive", "higher"),
    "fid": metric("fid", "lower"),
    "recall": metric("recall", "higher"),
    "error": metric("error", "lower"),
}


def result(name: str, moved: str, disturbance: str = "noise", **changes: object) -> SelftestResult:
    sides = METRICS[name].has_sides
    passes = moved == ("worse" if sides else "no")
    fields = {
        "outcome": "passes" if passes else "fooled", "needed": "worse" if sides else "steady",
        "undisturbed": 0.25, "disturbed": 1.5, "effect": -7.25,
    } | changes  # fmt: skip
    return SelftestResult(name, "digits", disturbance, moved=moved, **fields)


def claim(**fields: object):
    sides = {} if {"above", "below", "shape"} & fields.keys() else {"against": "b"}
    return make_claim(id="c", statement="S.", **({"model": "a"} | sides | fields))


def withheld(asked, *results: SelftestResult) -> str:
    return claims_withheld([asked], METRICS, {"c": results}).get("c", "")


def test_a_sharpness_that_noise_raises_decides_nothing():
    """As a naive sharpness does, which takes noise for detail."""
    text = withheld(claim(metric="naive"), result("naive", "better"))
    assert text == (
        "NAIVE is fooled by noise on digits (real images 0.2500, with noise 1.500, 7.2 standard "
        "deviations away; it must get worse)"
    )


def test_a_verdict_is_not_evaluable_and_keeps_its_effect():
    values = table({"a": [0.60, 0.63, 0.61], "b": [0.40, 0.41, 0.42]}, metric="naive")
    selftests = {"c": (result("naive", "better"),)}
    (verdict,) = decide([claim(metric="naive")], values, METRICS, 3, selftests=selftests)
    assert verdict.outcome == "not evaluable"
    assert verdict.sentence.startswith("Not evaluable: NAIVE is fooled by noise on digits (real ")
    assert verdict.parts[0].effect.value == pytest.approx(0.2033, abs=1e-4)
    (other,) = decide([claim(metric="naive")], values, METRICS, 3, selftests={"d": ()})
    assert other.outcome == "supported"
    passed = {"c": (result("naive", "worse"),)}
    assert decide([claim(metric="naive")], values, METRICS, 3, selftests=passed)[0] == other


def test_another_dataset_withholds_nothing():
    values = table({"a": [0.60, 0.63, 0.61], "b": [0.40, 0.41, 0.42]}, metric="naive")
    elsewhere = SelftestResult("naive", "mnist", "noise", "fooled", "worse", "better")
    selftests = {"c": (elsewhere,)}
    (verdict,) = decide([claim(metric="naive")], values, METRICS, 3, selftests=selftests)
    assert verdict.outcome == "supported"


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_noise_on_either_side_moves_a_comparison(direction):
    """Noise in the samples of `b` makes `a` look the less sharp of the two."""
    asked = claim(metric="detail", direction=direction)
    assert "DETAIL is fooled by noise" in withheld(asked, result("detail", "higher"))


def test_noise_that_raises_cannot_put_a_model_below_a_constant():
    assert withheld(claim(metric="detail", below=0), result("detail", "higher")) == ""
    assert withheld(claim(metric="detail", above=0), result("detail", "higher"))


def test_what_is_not_noticed_cannot_make_a_model_look_worse_than_a_constant():
    """Recall that misses missing classes is too high: it puts no model below a constant."""
    blind = result("recall", "no", "dropped_modes")
    assert withheld(claim(metric="recall", below=0.5), blind) == ""
    assert withheld(claim(metric="recall", above=0.5), blind)
    text = selftest_text(claim(metric="recall", below=0.5), METRICS, [blind])
    assert text.endswith("but that would speak against the claim.")


@pytest.mark.parametrize(
    ("ways", "fid", "is_withheld"),
    [
        ({"higher": "detail", "better": "fid"}, "worse", False),
        ({"higher": "detail", "worse": "fid"}, "worse", True),  # noise would do both
        ({"lower": "detail", "worse": "fid"}, "worse", False),  # in the samples of the other
        ({"lower": "detail", "better": "fid"}, "worse", True),
        ({"higher": "detail", "same": "fid", "delta": {"fid": 0.1}}, "worse", False),
        ({"higher": "detail", "better": "fid"}, "no", True),
    ],
)
def test_a_metric_that_notices_rules_the_disturbance_out(ways, fid, is_withheld):
    asked = claim(shape="trade-off", against="b", **ways)
    text = withheld(asked, result("detail", "higher"), result("fid", fid))
    assert bool(text) == is_withheld


def test_what_is_not_noticed_flatters_the_side_that_is_said_to_be_better():
    """Recall that misses missing classes is no measure, whichever side has them; FID sees them."""
    blind, sees = result("recall", "no", "dropped_modes"), result("fid", "worse", "dropped_modes")
    assert "RECALL is fooled by missing classes" in withheld(claim(metric="recall"), blind)
    assert withheld(claim(metric=["recall", "fid"]), blind, sees) == ""
    worse = claim(shape="trade-off", against="b", better="fid", worse="recall")
    assert withheld(worse, blind, sees)


@pytest.mark.parametrize(
    "asked",
    [
        claim(shape="spread", metric=["naive", "fid"], against="b"),
        make_claim(
            id="c", statement="S.", shape="correlation", metric=["naive", "fid"],
            models=["a", "b", "d"], above=0.5,
        ),
    ],
)  # fmt: skip
def test_spreads_and_correlations_need_every_metric(asked):
    assert withheld(asked, result("naive", "better"), result("fid", "worse"))
    assert withheld(asked, result("naive", "worse"), result("fid", "worse")) == ""


def test_what_was_not_run_or_does_not_apply_withholds_nothing():
    for outcome in ("not run", "not applicable"):
        blank = SelftestResult("naive", "digits", "noise", outcome, "worse")
        assert withheld(claim(metric="naive"), blank) == ""


def test_figures_of_a_metric_that_does_not_vary():
    text = withheld(claim(metric="naive"), result("naive", "better", effect=None))
    assert "(real images 0.2500, with noise 1.500; it must get worse)" in text


def test_what_a_report_says():
    asked = claim(metric=["naive", "fid"])
    results = (
        result("naive", "better"), result("fid", "worse"), result("fid", "worse", "blur"),
        SelftestResult("naive", "digits", "grey", "not applicable", "worse", reason="no colours"),
        SelftestResult("naive", "mnist", "noise", "not run", "worse"),
    )  # fmt: skip
    text = selftest_text(asked, METRICS, results)
    assert "7.2 standard deviations away; it must get worse), which FID rules out." in text
    assert "Self-test passed: FID on digits with noise and blur." in text
    assert "Self-test not applicable: NAIVE on digits with grey (no colours)." in text
    assert "Self-test not run: NAIVE on mnist with noise." in text
    assert "No disturbance of images" in selftest_text(asked, METRICS, ())
    assert selftest_text(asked, METRICS, None) == "What would fool its metrics is not recorded."
    against = selftest_text(claim(metric="detail", below=0), METRICS, [result("detail", "higher")])
    assert against.endswith("but that would speak against the claim.")


def test_what_the_plan_says_of_tests_that_are_still_to_be_run():
    missing = SelftestResult("naive", "mnist", "noise", "not run", "worse")
    text = missing_text({"c": (missing, result("fid", "worse"))})
    assert text == "The run begins with the self-test of naive on mnist."
    assert missing_text({"c": (result("fid", "worse"),)}) == ""
