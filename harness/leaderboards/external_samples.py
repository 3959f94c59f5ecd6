"""Samples that another program made: those that suites list now, not files that were replaced.

What a number is of is said by the digest of the images. A suite lists files, and of each place in
its list the images count that it had there last; a run of what was there before is no earlier
measurement of the same. Two suites may have other files under one name: then they are two entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.core.keys import digest
from harness.core.measurement import FLOORS
from harness.leaderboards.entries import EntryPart, parts
from harness.tracking.cell_uses import LastUse
from harness.tracking.collection import StoredRun

Place = tuple[str, int]
"""A dataset, and the number of a set of images among those of one name."""


def is_outside(run: StoredRun) -> bool:
    """Whether a cell is of samples that no model of the harness made."""
    return run.kind == "cell" and run.images is None


@dataclass(frozen=True)
class _Had:
    """A run, and where a suite had it last."""

    run: StoredRun
    last: LastUse

    @property
    def place(self) -> Place:
        return self.last.dataset, self.last.seed


def outside(runs: Sequence[StoredRun]) -> Iterator[EntryPart]:
    """The parts of such runs, as far as suites have them now, in the places where they have them.
    `data` is the set that a part belongs to, where suites have several under its name.
    """
    sets = {key: _now(had) for key, had in _by_suite(runs).items()}
    apart = {name for _, name in sets if _differ([s for (_, n), s in sets.items() if n == name])}
    together: dict[tuple[str, str, Place, str], tuple[_Had, list[str]]] = {}
    for (parent, name), places in sets.items():
        data = _digest(places) if name in apart - FLOORS.keys() else ""
        for place, had in places.items():
            key = name, data, place, had.run.run_id
            together.setdefault(key, (had, []))[1].append(parent)
    for (name, data, _, _), (had, parents) in together.items():
        uses = tuple((name, parent) for parent in parents)
        for part in parts(_in_place(had, name)):
            yield replace(part, uses=uses, data=data)


def earlier(run: StoredRun) -> list[EntryPart]:
    """The parts of a run of what no suite has now: an entry of its own."""
    data = run.training_key
    return [
        replace(part, data=data, identity=replace(part.identity, data=data)) for part in parts(run)
    ]


def _by_suite(runs: Sequence[StoredRun]) -> dict[tuple[str, str], list[_Had]]:
    """What each suite had under each name: by the suite's run and the name."""
    groups: dict[tuple[str, str], list[_Had]] = {}
    for run in runs:
        # Versions that did not record where suites have it had it where it was measured first.
        last_uses = {(last.parent, last.model) for last in run.last_uses}
        others = [
            LastUse(use.parent, use.model, run.dataset, run.seed, run.started)
            for use in run.uses
            if (use.parent, use.model) not in last_uses
        ]
        for last in (*run.last_uses, *others):
            groups.setdefault((last.parent, last.model), []).append(_Had(run, last))
    return groups


def _now(everything: Sequence[_Had]) -> dict[Place, _Had]:
    """What stands in each place: what was there last. Images stand in one place of a dataset."""
    stands: dict[tuple[str, str], _Had] = {}
    for had in sorted(everything, key=lambda had: had.last.at):
        stands[had.last.dataset, had.run.run_id] = had
    latest: dict[Place, _Had] = {}
    for had in sorted(stands.values(), key=lambda had: had.last.at):
        latest[had.place] = had
    return latest


def _differ(sets: Sequence[Mapping[Place, _Had]]) -> bool:
    """Whether two suites have other images in one place."""
    digests: dict[Place, str] = {}
    return any(
        digests.setdefault(place, had.run.training_key) != had.run.training_key
        for places in sets
        for place, had in places.items()
    )


def _digest(places: Mapping[Place, _Had]) -> str:
    return digest(sorted((*place, had.run.training_key) for place, had in places.items()))


def _in_place(had: _Had, name: str) -> StoredRun:
    """The run as if it were of that place alone: with the numbers that were measured there."""
    dataset, seed = had.place
    rows = tuple(r for r in had.run.numbers if r.protocol.dataset in ("", dataset))
    uses = tuple(use for use in had.run.uses if use.model == name)
    return replace(had.run, dataset=dataset, seed=seed, model=name, numbers=rows, uses=uses)
