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
from harness.families import FAMILIES
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
    """SpecError, at the claim's place, where one is `without_side`, is about a training fraction
    of a model that is not trained, or takes for a cost what is none.
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
            keys = ("claims", places[claim.id])
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
