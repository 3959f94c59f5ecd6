"""The looks at a suite's claims, kept with the suite's run in the tracking store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace

from pydantic import TypeAdapter

from harness.claims.looks import ClaimLooks
from harness.claims.verdicts import Verdict
from harness.plan import Plan
from harness.report.more_seeds import SeedsOfClaims
from harness.tracking import Store

FILE = "looks.json"
"""The artifact of a suite's run that holds the looks at its claims."""

LooksByClaim = Mapping[str, ClaimLooks]
"""The looks at each claim, by its id."""


def read_looks(store: Store, parent: str | None) -> LooksByClaim:
    """Returns the looks that a suite's run has; none where there is no run."""
    content = store.get(parent, FILE) if parent else None
    return {} if content is None else looks_from(json.loads(content))


def looks_from(document: object) -> LooksByClaim:
    """Returns looks from plain types. Raises ValueError where they are none."""
    return TypeAdapter(dict[str, ClaimLooks]).validate_python(document)


def write_looks(store: Store, parent: str, looks: LooksByClaim) -> None:
    """Keeps the looks with a suite's run."""
    document = {claim: asdict(each) for claim, each in looks.items()}
    store.put(parent, FILE, json.dumps(document, indent=1))


def declare_most(plan: Plan, store: Store, parent: str, most: int) -> None:
    """Keeps the greatest number of seeds with claims that nobody has looked at."""
    looks = read_looks(store, parent)
    untouched = {
        claim.id: ClaimLooks(most=most)
        for claim in plan.loaded.suite.claims
        if claim.id not in looks or not looks[claim.id].seeds
    }
    write_looks(store, parent, {**looks, **untouched})


def current_looks(plan: Plan, looks: LooksByClaim, seeds: SeedsOfClaims) -> LooksByClaim:
    """Returns the looks at a plan's claims with one at their seeds now. Looks at more seeds than
    the plan has are left out: they were at numbers that it does not have.
    """
    at_most = len(plan.loaded.suite.seeds)
    result = {}
    for claim in plan.loaded.suite.claims:
        every = looks.get(claim.id, ClaimLooks()).with_look(seeds.of(claim.id))
        result[claim.id] = replace(every, seeds=tuple(k for k in every.seeds if len(k) <= at_most))
    return result


def with_reached(looks: LooksByClaim, verdicts: Iterable[Verdict]) -> LooksByClaim:
    """Adds the looks at claims that got a verdict; a claim that is not evaluable got none."""
    result = dict(looks)
    for verdict in verdicts:
        if verdict.looks and verdict.outcome != "not evaluable":
            before = result.get(verdict.claim.id, ClaimLooks(most=verdict.looks.most))
            result[verdict.claim.id] = before.with_look(*verdict.looks.seeds)
    return result
