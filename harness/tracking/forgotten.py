"""Runs that should leave the boards: marked with a tag, which can be taken off again.

Nothing is deleted. A suite that has such a cell still reports it, since it would train it again
otherwise; leaderboards, and the seeds that a comparison rests on, leave it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from harness.config.reference import parse_reference
from harness.config.training_fraction import split_place
from harness.core.errors import BadInput
from harness.tracking.collection import FORGOTTEN, StoredRun, collect, find_run, suite_runs
from harness.tracking.store import Store


def forget(store: Store, names: Sequence[str], why: str = "") -> list[StoredRun]:
    """Mark the runs that are named so: by the beginning of the id of a cell, of a scored set or of
    a suite, whose cells are meant, or as MODEL@DATASET and MODEL@DATASET#SEED.

    Raises BadInput where a name stands for nothing.
    """
    runs = _named(store, names)
    mark = f"{datetime.now(UTC):%Y-%m-%d}{f': {why}' if why else ''}"
    for run in runs:
        store.tag(run.run_id, {FORGOTTEN: mark})
    return runs


def unforget(store: Store, names: Sequence[str]) -> list[StoredRun]:
    """Take the mark off the runs that are named so."""
    runs = _named(store, names)
    for run in runs:
        store.tag(run.run_id, {FORGOTTEN: ""})
    return runs


def forgotten(store: Store) -> list[StoredRun]:
    """The runs that are marked."""
    return [run for run in collect(store) if run.forgotten]


def _named(store: Store, names: Sequence[str]) -> list[StoredRun]:
    runs = [run for name in names for run in _of(store, name)]
    return list({run.run_id: run for run in runs}.values())


def _of(store: Store, name: str) -> Iterator[StoredRun]:
    if "@" in name:
        yield from _cells(store, name)
        return
    parents = [run_id for run_id in suite_runs(store) if run_id.startswith(name.lower())]
    if len(parents) == 1:
        yield from (run for run in collect(store) if run.parent == parents[0])
        return
    yield find_run(store, name)


def _cells(store: Store, name: str) -> list[StoredRun]:
    model, rest = split_place(name)
    place, _, seed = rest.partition("#")
    runs = [
        run
        for run in collect(store, dataset=str(parse_reference(place)))
        if model in {use.model for use in run.uses} and seed in ("", str(run.seed))
    ]
    if not runs:
        raise BadInput(f"{name!r}: there is no such cell in {store.name}")
    return runs
