"""What a claim takes for granted of its metrics, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping

from harness.config.claim import (
    Claim,
    ComparisonClaim,
    CorrelationClaim,
    OrderingClaim,
    TradeOffClaim,
)
from harness.config.suite import LoadedSuite
from harness.metrics.base import Metric

INSTEAD: Mapping[type[Claim], str] = {
    ComparisonClaim: "say `direction: higher` or `direction: lower`",
    TradeOffClaim: "name it under 'higher' or 'lower' in place of 'better' or 'worse'",
    OrderingClaim: "order the models by a metric that has one",
    CorrelationClaim: "correlate metrics that have one",
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


def check_claims(loaded: LoadedSuite, metrics: Mapping[str, Metric]) -> None:
    """SpecError, at the claim's place, where one is `without_side`."""
    written = loaded.document.value.get("claims", [])
    places = {claim["id"]: index for index, claim in enumerate(written)}
    for claim in loaded.suite.claims:
        if reason := without_side(claim, metrics):
            keys = ("claims", places[claim.id])
            raise loaded.document.error(f"claim {claim.id!r}: {reason}", keys)
