"""From the runs of a tracking store to one table of entries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, NamedTuple

import pandas as pd

from harness.config.training_fraction import is_fraction
from harness.core.errors import BadInput, suggest
from harness.core.measurement import FLOORS, CellResult, Measurement, tidy
from harness.core.protocol import Protocol
from harness.leaderboards.entries import (
    Entry,
    EntryIdentity,
    EntryPart,
    label_entries,
    parts,
    training_machine,
)
from harness.leaderboards.external_samples import is_outside, outside
from harness.leaderboards.pareto import COSTS
from harness.leaderboards.reported_maturity import ReportedMaturity
from harness.tracking import Store
from harness.tracking.collection import StoredRun, SuiteRun, collect, suite_runs

NO_REFERENCE = "no reference"
"""Where numbers of scored sets stand that were compared with nothing."""


@dataclass(frozen=True)
class EntryFilter:
    """Which part of a tracking store is looked at; all of it where nothing is said."""

    datasets: Collection[str] | None = None
    metrics: Collection[str] | None = None
    models: Collection[str] | None = None
    suites: Collection[str] | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class FailedCell:
    """A cell that failed or diverged in training."""

    dataset: str
    label: str
    seed: int
    status: str
    reason: str
    run_id: str


@dataclass(frozen=True)
class CollectedEntries:
    """`table` is a tidy table whose models are the labels of `entries`, `protocols` those of its
    numbers by key. `unfinished` counts the cells whose training has not ended, `forgotten` the runs
    that someone took off the boards. `maturity` says by dataset and label whether an entry is
    "undertrained" or "overfitted", and why; entries that are in no report are missing.
    """

    entries: tuple[Entry, ...]
    table: pd.DataFrame
    protocols: Mapping[str, Protocol]
    lost: tuple[FailedCell, ...]
    unfinished: int
    forgotten: int = 0
    maturity: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)

    def with_maturity(self, reported: ReportedMaturity) -> CollectedEntries:
        """The same with what reports say of the training of each entry."""
        entries = {entry.label: entry for entry in self.entries if entry.identity.images}
        maturity = {}
        for (dataset, label), runs in self.table.groupby(["dataset", "model"])["run_id"]:
            if entry := entries.get(str(label)):
                names = {entry.identity.model, *entry.also}
                marks = reported.marks(names, set(runs))
                if marks is not None:
                    maturity[str(dataset), str(label)] = marks
        return replace(self, maturity=maturity)


def collect_entries(store: Store, choice: EntryFilter) -> CollectedEntries:
    """What the store has of the choice. BadInput where it has nothing by a name that was chosen."""
    suites = suite_runs(store)
    gathering = EntryCollector(choice, suites)
    for run in collect(store, choice.suites, choice.since):
        gathering.add(run)
    for kind, names, known in gathering.asked():
        if unknown := sorted(set(names or ()) - known):
            raise BadInput(
                f"{kind} {unknown[0]!r} is not among what was measured in {store.name}"
                f"{suggest(unknown[0], known)}"
            )
    return gathering.result().with_maturity(ReportedMaturity.read(store, suites))


class _Number(NamedTuple):
    """A row and the run that it is of."""

    row: Measurement
    started: datetime
    run_id: str
    training_key: str


@dataclass
class _Seed:
    """What is known of one seed of an entry on a dataset, from all runs of it."""

    end: tuple[bool, datetime]
    status: str
    reason: str
    run_id: str
    numbers: dict[tuple[str, str], _Number] = field(default_factory=dict)

    def take(self, run: StoredRun, numbers: list[Measurement]) -> None:
        """One more run. The first that has a number counts, and divergence is one; what failed is
        tried again, so that it counts where there is nothing else.
        """
        if _precedence(run.status, run) < self.end:
            self.end = _precedence(run.status, run)
            self.status, self.reason, self.run_id = run.status, run.reason, run.run_id
        for row in numbers:
            key = row.metric, row.protocol.key()
            before = self.numbers.get(key)
            if before is None or (row.status == "failed", run.started) < (
                before.row.status == "failed",
                before.started,
            ):
                self.numbers[key] = _Number(row, run.started, run.run_id, run.training_key)


def _precedence(status: str, run: StoredRun) -> tuple[bool, datetime]:
    return status == "failed", run.started


@dataclass
class _Group:
    """An entry on one dataset, before it is known which entries must be told apart."""

    identity: EntryIdentity
    dataset: str
    data: str
    about: Entry
    seeds: dict[int, _Seed] = field(default_factory=dict)

    def take(
        self, part: EntryPart, numbers: list[Measurement], suites: Mapping[str, SuiteRun]
    ) -> None:
        """What one more run says."""
        run, about = part.run, self.about
        if run.seed not in self.seeds:
            end = _precedence(run.status, run)
            self.seeds[run.seed] = _Seed(end, run.status, run.reason, run.run_id)
        else:
            about.repeats += 1
        self.seeds[run.seed].take(run, numbers)
        about.also |= {name for name, _ in part.uses} - {self.identity.model}
        about.suites |= {suites[parent].suite for _, parent in part.uses if parent in suites}
        about.machines |= {training_machine(run)} - {""}
        about.seeds.setdefault(self.dataset, set()).add(run.seed)
        about.runs[run.run_id] = run.started
        if "parameters" in run.facts:
            about.parameters.add(int(run.facts["parameters"]))


@dataclass
class EntryCollector:
    """Takes in one run after the other, in any order, and keeps of each what was chosen."""

    choice: EntryFilter
    suites: Mapping[str, SuiteRun]
    groups: dict[tuple[EntryIdentity, str, str], _Group] = field(default_factory=dict)
    datasets: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    metrics: set[str] = field(default_factory=set)
    unfinished: int = 0
    forgotten: int = 0
    outside: list[StoredRun] = field(default_factory=list)
    """What was not trained, of which it is known last what suites have now."""

    def asked(self) -> Iterator[tuple[str, Collection[str] | None, set[str]]]:
        """What was chosen of each kind of thing, and what there is."""
        self._take_outside()
        yield "suite", self.choice.suites, {run.suite for run in self.suites.values()}
        yield "dataset", self.choice.datasets, self.datasets
        yield "model", self.choice.models, self.models
        yield "metric", self.choice.metrics, self.metrics

    def add(self, run: StoredRun) -> None:
        """One more run. A point in training is no entry: a model would stand beside itself."""
        if run.forgotten:
            self.forgotten += 1
            return
        if run.status == "training":
            self.unfinished += 1
            return
        if is_outside(run):
            self.outside.append(run)
            return
        for part in parts(run):
            ends = tuple(use for use in part.uses if run.kind != "cell" or not is_fraction(use[0]))
            self.take(replace(part, uses=ends))

    def _take_outside(self) -> None:
        for part in outside(self.outside):
            self.take(part)
        self.outside.clear()

    def take(self, part: EntryPart) -> None:
        """What a run says of one entry, as far as it was chosen."""
        uses = tuple(use for use in part.uses if self._in_suites(use[1]))
        self.models |= {name for name, _ in uses} - FLOORS.keys()
        uses = tuple(use for use in uses if self._takes_model(use[0]))
        for dataset, numbers in _by_dataset(part.run, part.numbers) if uses else ():
            self.datasets.add(dataset)
            self.metrics |= {row.metric for row in numbers}
            if _takes(self.choice.datasets, dataset):
                taken_rows = [row for row in numbers if self._takes_metric(row.metric)]
                self._group(part, dataset).take(replace(part, uses=uses), taken_rows, self.suites)

    def _in_suites(self, parent: str) -> bool:
        suite = self.suites.get(parent)
        return self.choice.suites is None or bool(suite and suite.suite in self.choice.suites)

    def _takes_metric(self, name: str) -> bool:
        """What models cost is needed for whatever is drawn against it."""
        return name in COSTS or _takes(self.choice.metrics, name)

    def _takes_model(self, name: str) -> bool:
        return name in FLOORS or _takes(self.choice.models, name)

    def _group(self, part: EntryPart, dataset: str) -> _Group:
        key = part.identity, dataset, part.data
        if key not in self.groups:
            self.groups[key] = _Group(*key, Entry(part.identity))
        return self.groups[key]

    def result(self) -> CollectedEntries:
        """The entries, each with a label of its own, and their numbers."""
        self._take_outside()
        entries: dict[EntryIdentity, Entry] = {}
        of_group = []
        for group in self._told_apart():
            entry = entries.setdefault(group.identity, Entry(group.identity))
            entry.add(group.about)
            of_group.append((entry, group))
        label_entries([e for e in entries.values() if e.identity.model not in FLOORS])
        for entry in entries.values():
            entry.label = entry.label or entry.identity.model
        cells = [cell for entry, group in of_group for cell in _cells(entry.label, group)]
        return CollectedEntries(
            tuple(
                sorted(
                    (e for e in entries.values() if e.identity.model not in FLOORS),
                    key=lambda entry: entry.label,
                )
            ),
            tidy(cells),
            {
                number.row.protocol.key(): number.row.protocol
                for _, group in of_group
                for seed_values in group.seeds.values()
                for number in seed_values.numbers.values()
            },
            tuple(lost for entry, group in of_group for lost in _lost(entry.label, group)),
            self.unfinished,
            self.forgotten,
        )

    def _told_apart(self) -> Iterator[_Group]:
        """The groups, of which those name their images that share a dataset's name with others that
        were trained on other images, or a name with other samples from elsewhere.
        """
        digests: dict[tuple[str, str], set[str]] = {}
        for group in self.groups.values():
            digests.setdefault(_of(group), set()).update({group.data} - {""})
        for group in self.groups.values():
            if group.data and len(digests[_of(group)]) > 1:
                yield replace(group, identity=replace(group.identity, data=group.data))
            else:
                yield group


def _of(group: _Group) -> tuple[str, str]:
    """What a group's images are told apart within."""
    identity = group.identity
    return group.dataset, identity.model if identity.is_external else ""


def _takes(names: Collection[str] | None, name: str) -> bool:
    return names is None or name in names


def _by_dataset(
    run: StoredRun, numbers: tuple[Measurement, ...]
) -> Iterator[tuple[str, list[Measurement]]]:
    """The numbers of a run by what they are compared with, which for a cell is its dataset."""
    if run.kind == "cell":
        yield run.dataset, list(numbers)
        return
    rows: dict[str, list[Measurement]] = {}
    for row in numbers:
        rows.setdefault(row.protocol.dataset or NO_REFERENCE, []).append(row)
    yield from rows.items()


def _cells(name: str, group: _Group) -> Iterator[CellResult]:
    """Each number of an entry on a dataset as a cell of its own run. A cell that failed in training
    has one for each number that other seeds of its entry have: it must not vanish.
    """
    measured: dict[tuple[str, str], Measurement] = {}
    for seed_values in group.seeds.values():
        measured |= {key: number.row for key, number in seed_values.numbers.items()}
    for seed, seed_values in sorted(group.seeds.items()):
        cell = CellResult(group.dataset, name, seed, "", "ok", seed_values.run_id)
        for key, model in measured.items():
            if number := seed_values.numbers.get(key):
                yield replace(
                    cell,
                    training_key=number.training_key,
                    run_id=number.run_id,
                    measurements=(number.row,),
                )
            elif (ended := _ended(seed_values.status)) and model.status != "not applicable":
                row = replace(
                    model, status=ended, value=None, stderr=None, reason=seed_values.reason
                )
                yield replace(cell, measurements=(row,))


def _ended(status: str) -> Literal["failed", "diverged"] | None:
    """How training ended, where it left no weights."""
    return "failed" if status == "failed" else "diverged" if status == "diverged" else None


def _lost(name: str, group: _Group) -> Iterator[FailedCell]:
    for seed, seed_values in sorted(group.seeds.items()):
        if _ended(seed_values.status):
            yield FailedCell(
                group.dataset,
                name,
                seed,
                seed_values.status,
                seed_values.reason,
                seed_values.run_id,
            )
