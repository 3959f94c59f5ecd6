"""In what runs differ: how they were made, what they took, how they were measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.leaderboards.entries import EntryIdentity, EntryPart, differing_facets
from harness.tracking.collection import StoredRun

ABSENT = "–"


@dataclass(frozen=True)
class Difference:
    """Something in which the runs are not all alike, with what each has."""

    name: str
    values: tuple[str, ...]


def recipe_differences(identities: Sequence[EntryIdentity]) -> Iterator[Difference]:
    """The models and facets in which entries differ."""
    models = [identity.model for identity in identities]
    if len(set(models)) > 1:
        yield Difference("model", tuple(models))
    for name in differing_facets(identities):
        if name != "data":
            yield Difference(name, tuple(i.facets.get(name) or ABSENT for i in identities))


def differences(of: Sequence[Mapping[str, str]]) -> Iterator[Difference]:
    """The names under which not all mappings have the same value."""
    for name in dict.fromkeys(name for each in of for name in each):
        values = tuple(each.get(name) or ABSENT for each in of)
        if len(set(values)) > 1:
            yield Difference(name, values)


def fact_differences(runs: Sequence[StoredRun]) -> Iterator[Difference]:
    """All facts of the runs, also where they are the same."""
    for name in dict.fromkeys(name for run in runs for name in run.facts):
        yield Difference(name, tuple(run.facts.get(name, ABSENT) for run in runs))


def protocol_differences(sides: Sequence[EntryPart]) -> Iterator[Difference]:
    """The fields in which what runs have of the same metric was measured otherwise, where none of
    its protocols is common to all that have it.
    """
    for metric in dict.fromkeys(row.metric for part in sides for row in part.numbers):
        protocols_of_parts = [
            {row.protocol.key(): row.protocol for row in part.numbers if row.metric == metric}
            for part in sides
        ]
        present = [set(protocols) for protocols in protocols_of_parts if protocols]
        if set.intersection(*present):
            continue
        first = [next(iter(protocols.values()), None) for protocols in protocols_of_parts]
        reference, *rest = (protocol for protocol in first if protocol)
        for name in dict.fromkeys(name for other in rest for name in reference.differs(other)):
            values = (ABSENT if p is None else str(getattr(p, name) or "none") for p in first)
            yield Difference(f"{metric}: {name}", tuple(values))
