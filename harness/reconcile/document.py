"""A search as plain values for JSON."""

from __future__ import annotations

from typing import Any

from harness.reconcile.explanation import Explanation, conclusion
from harness.reconcile.protocol import HEADINGS, ScoringProtocol
from harness.reconcile.search import Attempt, Search
from harness.tracking.environment import environment


def search_document(explanation: Explanation) -> dict[str, Any]:
    """The claim, the default protocol, all attempts, and what explains the claim."""
    search = explanation.search
    return {
        "claimed": {"metric": search.claim.metric, "value": search.claim.value},
        "default": protocol_document(search.default.protocol),
        "attempts": [_attempt(search, attempt) for attempt in search.attempts()],
        "refused": {str(deviation): reason for deviation, reason in search.refused.items()},
        "without_effect": list(map(str, search.without_effect)),
        "pairs_in_all": search.pair_count,
        "is_explained": explanation.is_explained,
        "causes": list(explanation.causes),
        "explained_by": [list(map(str, each.deviations)) for each in explanation.protocols],
        "by_chance": explanation.by_chance,
        "conclusion": conclusion(explanation),
        "environment": environment(),
    }


def protocol_document(protocol: ScoringProtocol) -> dict[str, str]:
    """The fields of a protocol by their headings."""
    values = {heading: getattr(protocol, field) for field, heading in HEADINGS.items()}
    return {heading: str(value) for heading, value in values.items() if value}


def _attempt(search: Search, attempt: Attempt) -> dict[str, Any]:
    return {
        "deviations": list(map(str, attempt.deviations)),
        "value": attempt.value.value,
        "spread": attempt.value.spread,
        "gap": attempt.gap,
        "tolerance": attempt.tolerance,
        "change": search.change(attempt),
        "within_tolerance": attempt.fit,
    }
