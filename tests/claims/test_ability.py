"""A claim about what models can do waits for models that are trained."""

import pytest
from analysis_tables import METRICS, claim, table

from harness.claims.ability import SuiteTraining
from harness.claims.verdicts import decide

CLEAR = table({"a": [0.60, 0.63, 0.61], "b": [0.40, 0.41, 0.42]})
STILL_FALLS = SuiteTraining({("digits", "b"): "its loss still falls 9.0 % in the last tenth"})


def verdict(training, **changes):
    return decide([claim(**changes)], CLEAR, METRICS, 3, training=training)[0]


def test_a_claim_with_an_undertrained_side_is_withheld_and_keeps_its_effect():
    withheld = verdict(STILL_FALLS)
    assert withheld.outcome == "not evaluable"
    assert withheld.sentence == (
        "Not evaluable: b is undertrained on digits (its loss still falls 9.0 % in the last tenth)."
    )
    assert withheld.parts[0].effect.value == pytest.approx(0.2033, abs=1e-4)


def test_it_is_not_refuted_either():
    assert verdict(STILL_FALLS, direction="lower").outcome == "not evaluable"


@pytest.mark.parametrize(
    "training",
    [
        SuiteTraining(),
        SuiteTraining({("mnist", "b"): "undertrained elsewhere"}),
        SuiteTraining({("digits", "c"): "another model"}),
    ],
)
def test_it_is_decided_where_both_sides_are_trained(training):
    assert verdict(training).outcome == "supported"


@pytest.mark.parametrize("training", [STILL_FALLS, SuiteTraining(trial="budget_scale 0.05")])
def test_a_claim_about_the_budget_is_decided(training):
    assert verdict(training, at_budget=True).outcome == "supported"


def test_a_trial_decides_nothing_about_ability():
    training = SuiteTraining(trial="budget_scale 0.05")
    assert "a trial with budget_scale 0.05" in verdict(training).reason


def test_a_withheld_claim_takes_no_level_from_the_others_but_counts_among_them():
    """Holm's correction counts it as one that is not rejected."""
    claims = [claim(id="ability"), claim(id="budget", at_budget=True)]
    _, budget = decide(claims, CLEAR, METRICS, 3, training=STILL_FALLS)
    assert budget.level == pytest.approx(1 - 0.05 / 2)


def test_points_in_training_may_be_compared():
    points = table({"a@0.5": [0.60, 0.63, 0.61], "b": [0.40, 0.41, 0.42]})
    asked = claim(model={"model": "a", "at": 0.5})
    training = SuiteTraining({("digits", "a"): "still falls"})
    assert decide([asked], points, METRICS, 3, training=training)[0].outcome == "supported"
