"""Runs side by side: what differs in how they were made, then what was measured of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.core.measurement import Measurement
from harness.core.protocol import Protocol
from harness.leaderboards.board import Board, Versus, metric_place
from harness.leaderboards.collection import CollectedEntries, EntryCollector, EntryFilter
from harness.leaderboards.entries import MACHINE, EntryIdentity, EntryPart
from harness.leaderboards.leaderboard import boards
from harness.leaderboards.reported_maturity import ReportedMaturity
from harness.leaderboards.run_differences import (
    Difference,
    differences,
    fact_differences,
    protocol_differences,
    recipe_differences,
)
from harness.leaderboards.run_names import StoredParts
from harness.leaderboards.standings import known_metrics
from harness.metrics.base import Metric
from harness.statistics.intervals import FEWEST
from harness.tracking import Store
from harness.tracking.collection import StoredRun, SuiteRun, suite_runs


@dataclass(frozen=True)
class ComparedRun:
    """One of the runs. `label` is that of its entry, which other sides may share that are other
    seeds of it; `seeds` are those of the entry on the same dataset in the store. `marks` say
    whether the entry is "undertrained" or "overfitted" there, and why: None where no report says.
    """

    part: EntryPart
    label: str
    seeds: tuple[int, ...]
    environment: Mapping[str, str]
    marks: Mapping[str, str] | None = field(default_factory=dict)

    @property
    def run(self) -> StoredRun:
        """As the store has it."""
        return self.part.run

    @property
    def name(self) -> str:
        """For people: `gan/dcgan on digits, seed 0`."""
        if self.run.kind == "score":
            return self.label
        return f"{self.label} on {self.run.dataset}, seed {self.run.seed}"


@dataclass(frozen=True)
class EntryEffect:
    """A side's entry against the first one's, over seeds: `paired` are those that both have, and
    the effect is over them alone if there are at least three. `versus` is None where nothing can be
    said, which `why` explains.
    """

    versus: Versus | None
    paired: int
    why: str = ""


@dataclass(frozen=True)
class Line:
    """A metric as measured by one protocol: what each run has of it, and the effects of all but the
    first run.
    """

    metric: Metric
    protocol: Protocol
    values: tuple[Measurement | None, ...]
    effects: tuple[EntryEffect, ...]


@dataclass(frozen=True)
class RunComparison:
    """Two or more runs. Differences are named before any number is."""

    sides: tuple[ComparedRun, ...]
    recipe: tuple[Difference, ...]
    data: tuple[Difference, ...]
    environment: tuple[Difference, ...]
    protocols: tuple[Difference, ...]
    training: tuple[Difference, ...]
    """What training took: all of it, also where it is the same."""
    lines: tuple[Line, ...]
    choices: tuple[str, ...] = ()
    """Which entry was taken where a name stands for several."""


def compare_runs(store: Store, names: Sequence[str]) -> RunComparison:
    """The runs that are called so: by the beginning of their ids, or as MODEL@DATASET#SEED.

    Of several entries that a name stands for, the one of the largest budget is taken. Raises
    BadInput where a name stands for no run, and where fewer than two runs are named.
    """
    suites, cells = suite_runs(store), StoredParts(store)
    parts = [part for name in names for part in cells.named(name)]
    unique = {(part.run.run_id, part.identity): part for part in parts}
    if len(unique) < max(2, len(parts)):
        raise BadInput(
            "name two runs or more to compare, each once; `harness leaderboard --json` lists those "
            "behind each entry"
        )
    collected = _gathered(cells, parts, suites)
    collected = collected.with_maturity(ReportedMaturity.read(store, suites))
    labels = {entry.identity: entry.label for entry in collected.entries}
    sides = [_side(part, labels, collected, suites) for part in parts]
    runs = [part.run for part in parts]
    return RunComparison(
        tuple(sides),
        tuple(recipe_differences([part.identity for part in parts])),
        tuple(differences([_data(run) for run in runs])),
        tuple(differences([_environment(side) for side in sides])),
        tuple(protocol_differences(parts)),
        tuple(fact_differences(runs)),
        tuple(_lines(sides, collected)),
        tuple(cells.choices),
    )


def _gathered(
    cells: StoredParts, sides: Sequence[EntryPart], suites: Mapping[str, SuiteRun]
) -> CollectedEntries:
    """All seeds of the sides' entries on the same images."""
    entries = {(part.identity, part.run.dataset, part.data) for part in sides}
    collector = EntryCollector(EntryFilter(), suites)
    for part in sides:
        if part.run.kind == "score" or part.identity.data:
            collector.take(part)
    for dataset in dict.fromkeys(part.run.dataset for part in sides if part.run.kind == "cell"):
        for part in cells.on(dataset):
            if (part.identity, dataset, part.data) in entries and part.run.status != "training":
                collector.take(part)
    return collector.result()


def _side(
    part: EntryPart,
    labels: Mapping[EntryIdentity, str],
    collected: CollectedEntries,
    suites: Mapping[str, SuiteRun],
) -> ComparedRun:
    alone = replace(part.identity, data=part.data)  # where others share the dataset's name
    label = labels.get(part.identity) or labels.get(alone) or part.identity.model
    rows = collected.table[
        (collected.table["model"] == label) & (collected.table["dataset"] == part.run.dataset)
    ]
    environment = suites[part.run.parent].environment if part.run.parent in suites else {}
    return ComparedRun(
        part,
        label,
        tuple(sorted({int(seed) for seed in rows["seed"]})),
        environment,
        collected.maturity.get((part.run.dataset, label)) if part.identity.images else {},
    )


def _data(run: StoredRun) -> dict[str, str]:
    dataset = {"dataset": run.dataset} if run.dataset else {}
    return dataset | {f"{use} images (digest)": digest[:16] for use, digest in run.data.items()}


def _environment(side: ComparedRun) -> dict[str, str]:
    params = side.run.params
    machine = {name: params.get(f"numerics.{name}", "") for name in MACHINE}
    return {name: value for name, value in machine.items() if value} | dict(side.environment)


def _lines(sides: Sequence[ComparedRun], collected: CollectedEntries) -> Iterator[Line]:
    metrics, _ = known_metrics(collected.table["metric"])
    against_first = boards(collected.table, metrics, [sides[0].label])
    by_key = {(board.dataset, board.protocol_key): board for board in against_first}
    for protocol in _ordered(sides):
        if protocol.metric not in metrics:
            continue
        values = [_value(side, protocol) for side in sides]
        effects = tuple(_effect(sides[0], side, protocol, collected, by_key) for side in sides[1:])
        yield Line(metrics[protocol.metric], protocol, tuple(values), effects)


def _ordered(sides: Iterable[ComparedRun]) -> list[Protocol]:
    """Every protocol once, as tables show metrics."""
    protocols = {row.protocol.key(): row.protocol for side in sides for row in side.part.numbers}
    return sorted(protocols.values(), key=lambda protocol: metric_place(protocol.metric))


def _value(side: ComparedRun, protocol: Protocol) -> Measurement | None:
    key = protocol.key()
    return next((row for row in side.part.numbers if row.protocol.key() == key), None)


def _effect(
    first: ComparedRun,
    side: ComparedRun,
    protocol: Protocol,
    collected: CollectedEntries,
    by_key: Mapping[tuple[str, str], Board],
) -> EntryEffect:
    if first.label == side.label:
        return EntryEffect(None, 0, "seeds of one entry")
    table = collected.table
    rows = table[(table["protocol_key"] == protocol.key()) & (table["status"] == "ok")]
    seeds = [set(rows.loc[rows["model"] == each.label, "seed"]) for each in (first, side)]
    if not all(seeds):
        return EntryEffect(None, 0, "measured on one side only")
    shared = len(seeds[0] & seeds[1])
    board = by_key.get((str(rows["dataset"].iloc[0]), protocol.key()))
    row = board.row(side.label) if board else None
    if row is None or row.versus is None:
        return EntryEffect(None, shared, f"{_seeds(seeds)}: at least {FEWEST} of each are needed")
    return EntryEffect(row.versus, shared)


def _seeds(of: Sequence[Collection[int]]) -> str:
    counts = [len(seeds) for seeds in of]
    if counts[0] == counts[1]:
        return f"{counted(counts[0], 'seed')} each"
    return f"{counts[0]} and {counted(counts[1], 'seed')}"
