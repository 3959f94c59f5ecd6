"""What a claim takes for granted of its metrics, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping

from harness.config.claim import Claim
from harness.config.claim_shapes import (
    IMAGES,
    ComparisonClaim,
    CorrelationClaim,
    FrontierClaim,
    OrderingClaim,
    TradeOffClaim,
)
from harness.config.recipe import Recipe
from harness.config.suite import LoadedSuite
from harness.config.yaml_files import Keys
from harness.core.disturbance import disturbances_text
from harness.families import FAMILIES
from harness.families.real_images import RealImages
from harness.metrics.base import Metric

INSTEAD: Mapping[type[Claim], str] = {
    ComparisonClaim: "say `direction: higher` or `direction: lower`",
    TradeOffClaim: "name it under 'higher' or 'lower' in place of 'better' or 'worse'",
    OrderingClaim: "order the models by a metric that has one",
    CorrelationClaim: "correlate metrics that have one",
    FrontierClaim: "read the frontier off a metric that has one",
}


def without_side(claim: Claim, metrics: Mapping[str, Metric]) -> str:
    """Why a claim cannot be asked that takes a side of its metrics to be better; empty where all
    that it does so with have one. `metrics` has all that it is about.
    """
    for name in claim.sided:
        if not (metric := metrics[name]).has_sides:
            instead = "say `failures: withhold` or `drop`"
            if not (claim.failures == "lose" and name in claim.measured):
                instead = INSTEAD[type(claim)]
            return f"{name} has no better side ({metric.preference}); {instead}"
    return ""


def check_claims(
    loaded: LoadedSuite, metrics: Mapping[str, Metric], recipes: Mapping[str, Recipe]
) -> None:
    """SpecError, at the claim's place, where one is `without_side`, is about a training fraction of
    a model that is not trained, takes for a cost what is none, or says that nothing fools a metric
    whose record says what does.
    """
    written = loaded.document.value.get("claims", [])
    places = {claim["id"]: index for index, claim in enumerate(written)}
    for claim in loaded.suite.claims:
        reasons = (
            without_side(claim, metrics),
            _untrained_fraction(claim, recipes),
            _no_cost(claim, metrics),
        )
        if reason := next(filter(None, reasons), ""):
            keys: Keys = ("claims", places[claim.id])
            raise loaded.document.error(f"claim {claim.id!r}: {reason}", keys)
        if reason := _against_selftest(claim, metrics, recipes):
            keys = ("claims", places[claim.id], "fooled_by")
            raise loaded.document.error(f"claim {claim.id!r}: {reason}", keys)


def _untrained_fraction(claim: Claim, recipes: Mapping[str, Recipe]) -> str:
    """Why the claim's training fractions cannot be had; empty where they can."""
    for side in claim.entrants:
        recipe = recipes.get(side.model) if side.at < 1 else None
        if recipe and not FAMILIES.load(recipe.family).takes_steps:
            return f"{side} is a training fraction, and {side.model} is not trained"
    return ""


def _no_cost(claim: Claim, metrics: Mapping[str, Metric]) -> str:
    """Why the claim's `cost` is none; empty where it is one."""
    if not isinstance(claim, FrontierClaim) or claim.cost == IMAGES:
        return ""
    if metrics[claim.cost].kind == "cost":
        return ""
    return f"'cost' is {claim.cost}, which measures no cost; leave it out for training images"


def tests_metrics(claim: Claim, recipes: Mapping[str, Recipe]) -> str:
    """Why a claim waits for no self-test: all of its sides are disturbed real images, so that it is
    a test of its metrics itself. Empty for others.
    """
    sides = [recipes.get(side.model) for side in claim.entrants]
    if all(recipe and issubclass(FAMILIES.load(recipe.family), RealImages) for recipe in sides):
        return "the claim is itself a test with disturbed images"
    return ""


def _against_selftest(
    claim: Claim, metrics: Mapping[str, Metric], recipes: Mapping[str, Recipe]
) -> str:
    """Why the claim may not say that nothing fools its metrics; empty where it may."""
    if "nothing" not in claim.fooled_by or tests_metrics(claim, recipes):
        return ""
    for name in claim.measured:
        if fooling := metrics[name].fooled_by:
            return (
                f"fooled_by says 'nothing', but the self-test of {name} tries "
                f"{disturbances_text(fooling)}: name {'it' if len(fooling) == 1 else 'these'}, or "
                "leave fooled_by out"
            )
    return ""
