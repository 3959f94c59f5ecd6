"""Runs side by side: what differs in how they were made, then what was measured of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from harness.config.reference import parse_reference
from harness.config.training_fraction import split_place
from harness.core.counting import counted
from harness.core.errors import BadInput, suggest
from harness.core.measurement import FLOORS, Measurement
from harness.core.protocol import Protocol
from harness.leaderboards.board import Board, Versus
from harness.leaderboards.collection import CollectedEntries, EntryCollector, EntryFilter
from harness.leaderboards.entries import MACHINE, EntryIdentity, EntryPart, differing_facets, parts
from harness.leaderboards.external_samples import earlier, is_outside, outside
from harness.leaderboards.leaderboard import boards
from harness.leaderboards.standings import known_metrics
from harness.metrics import METRICS
from harness.metrics.base import Metric
from harness.statistics.intervals import FEWEST
from harness.tracking import Store
from harness.tracking.collection import SHORT, StoredRun, SuiteRun, collect, find_run, suite_runs

ABSENT = "–"


@dataclass(frozen=True)
class ComparedRun:
    """One of the runs. `label` is that of its entry, which other sides may share that are other
    seeds of it; `seeds` are those of the entry on the same dataset in the store.
    """

    part: EntryPart
    label: str
    seeds: tuple[int, ...]
    environment: Mapping[str, str]

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
class Difference:
    """Something in which the runs are not all alike, with what each has."""

    name: str
    values: tuple[str, ...]


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
    suites, cells = suite_runs(store), _Cells(store)
    found = [part for name in names for part in _named(cells, name)]
    unique = {(part.run.run_id, part.identity): part for part in found}
    if len(unique) < max(2, len(found)):
        raise BadInput(
            "name two runs or more to compare, each once; `harness leaderboard --json` lists those "
            "behind each entry"
        )
    collected = _gathered(cells, found, suites)
    labels = {entry.identity: entry.label for entry in collected.entries}
    sides = [_side(part, labels, collected, suites) for part in found]
    runs = [part.run for part in found]
    return RunComparison(
        tuple(sides),
        tuple(_recipe([part.identity for part in found])),
        tuple(_differences([_data(run) for run in runs])),
        tuple(_differences([_environment(side) for side in sides])),
        tuple(_protocols(found)),
        tuple(_facts(runs)),
        tuple(_lines(sides, collected)),
        tuple(cells.choices),
    )


def _shown(store: Store, dataset: str) -> Iterator[StoredRun]:
    """The runs on a dataset that nobody took off the boards."""
    return (run for run in collect(store, dataset=dataset) if not run.forgotten)


@dataclass
class _Cells:
    """What a store has on each dataset, read once."""

    store: Store
    read: dict[str, list[EntryPart]] = field(default_factory=dict)
    choices: list[str] = field(default_factory=list)
    """Which entry was taken where a name stands for several, a sentence each."""

    def on(self, dataset: str) -> list[EntryPart]:
        if dataset not in self.read:
            runs = list(_shown(self.store, dataset))
            trained = (part for run in runs if not is_outside(run) for part in parts(run))
            self.read[dataset] = [*trained, *outside([run for run in runs if is_outside(run)])]
        return self.read[dataset]


def _named(cells: _Cells, name: str) -> list[EntryPart]:
    """The parts of the run that is called so: one for each way in which suites sample from it."""
    if "@" not in name:
        run = find_run(cells.store, name)
        if not is_outside(run):
            return list(parts(run))
        now = [part for part in cells.on(run.dataset) if part.run.run_id == run.run_id]
        return now[:1] or earlier(run)
    model, rest = split_place(name)
    place, _, seed = rest.partition("#")
    if seed and not seed.isdigit():
        raise BadInput(f"{name!r}: write a seed as a number, such as {model}@{place}#0")
    return [_cell(cells, name, model, str(parse_reference(place)), seed)]


def _cell(cells: _Cells, name: str, model: str, dataset: str, seed: str) -> EntryPart:
    """The first run of the entry that is called `model`: of the seed, or of its first one. Of
    several entries, that of the largest budget, which `cells.choices` then says.
    """
    here = cells.on(dataset)
    mine = [part for part in here if model in {used for used, _ in part.uses}]
    if not mine:
        known = {used for part in here for used, _ in part.uses} - FLOORS.keys()
        raise BadInput(
            f"{name!r}: no {model!r} on {dataset} in {cells.store.name}{suggest(model, known)}"
        )
    if seed:
        seeds = sorted({part.run.seed for part in mine})
        mine = [part for part in mine if part.run.seed == int(seed)]
        if not mine:
            known_seeds = ", ".join(map(str, seeds))
            raise BadInput(f"{name!r}: no seed {seed}; {model} on {dataset} has {known_seeds}")
    entries: dict[EntryIdentity, list[EntryPart]] = {}
    for part in mine:
        entries.setdefault(part.identity, []).append(part)
    chosen = max(entries.values(), key=_preference)
    first = min(chosen, key=lambda part: (part.run.seed, part.run.started))
    if len(entries) > 1:
        others = [each[0].run.run_id for each in entries.values() if each is not chosen]
        runs = ", ".join(run[: SHORT + 4] for run in others)
        cells.choices.append(
            f"{name} stands for {len(entries)} entries, which differ in "
            f"{', '.join(differing_facets(list(entries)))}: the one of the most training images is "
            f"compared (of equal ones that of the most runs, then the latest), run "
            f"{first.run.run_id[: SHORT + 4]}; for another name a run: {runs}"
        )
    return first


def _preference(parts: Sequence[EntryPart]) -> tuple[int, int, datetime]:
    """Of entries with one name: the largest budget, then the most runs, then the latest."""
    latest = max(part.run.started for part in parts)
    return parts[0].identity.images or 0, len(parts), latest


def _gathered(
    cells: _Cells, sides: Sequence[EntryPart], suites: Mapping[str, SuiteRun]
) -> CollectedEntries:
    """All seeds of the sides' entries on the same images."""
    wanted = {(part.identity, part.run.dataset, part.data) for part in sides}
    gathering = EntryCollector(EntryFilter(), suites)
    for part in sides:
        if part.run.kind == "score" or part.identity.data:
            gathering.take(part)
    for dataset in dict.fromkeys(part.run.dataset for part in sides if part.run.kind == "cell"):
        for part in cells.on(dataset):
            known = part.identity, dataset, part.data
            if known in wanted and part.run.status != "training":
                gathering.take(part)
    return gathering.result()


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
        part, label, tuple(sorted({int(seed) for seed in rows["seed"]})), environment
    )


def _recipe(identities: Sequence[EntryIdentity]) -> Iterator[Difference]:
    models = [identity.model for identity in identities]
    if len(set(models)) > 1:
        yield Difference("model", tuple(models))
    for name in differing_facets(identities):
        if name != "data":
            yield Difference(name, tuple(i.facets.get(name) or ABSENT for i in identities))


def _data(run: StoredRun) -> dict[str, str]:
    dataset = {"dataset": run.dataset} if run.dataset else {}
    return dataset | {f"{use} images (digest)": digest[:16] for use, digest in run.data.items()}


def _environment(side: ComparedRun) -> dict[str, str]:
    params = side.run.params
    machine = {name: params.get(f"numerics.{name}", "") for name in MACHINE}
    return {name: value for name, value in machine.items() if value} | dict(side.environment)


def _differences(of: Sequence[Mapping[str, str]]) -> Iterator[Difference]:
    for name in dict.fromkeys(name for each in of for name in each):
        values = tuple(each.get(name) or ABSENT for each in of)
        if len(set(values)) > 1:
            yield Difference(name, values)


def _facts(runs: Sequence[StoredRun]) -> Iterator[Difference]:
    for name in dict.fromkeys(name for run in runs for name in run.facts):
        yield Difference(name, tuple(run.facts.get(name, ABSENT) for run in runs))


def _protocols(sides: Sequence[EntryPart]) -> Iterator[Difference]:
    """The fields in which what runs have of the same metric was measured otherwise, where none of
    its protocols is common to all that have it.
    """
    for metric in dict.fromkeys(row.metric for part in sides for row in part.numbers):
        mine = [
            {row.protocol.key(): row.protocol for row in part.numbers if row.metric == metric}
            for part in sides
        ]
        having = [set(protocols) for protocols in mine if protocols]
        if set.intersection(*having):
            continue
        first = [next(iter(protocols.values()), None) for protocols in mine]
        known = [protocol for protocol in first if protocol]
        for name in dict.fromkeys(name for other in known[1:] for name in known[0].differs(other)):
            values = (ABSENT if p is None else str(getattr(p, name) or "none") for p in first)
            yield Difference(f"{metric}: {name}", tuple(values))


def _lines(sides: Sequence[ComparedRun], collected: CollectedEntries) -> Iterator[Line]:
    metrics, _ = known_metrics(collected.table["metric"])
    found = boards(collected.table, metrics, [sides[0].label])
    by_key = {(board.dataset, board.protocol_key): board for board in found}
    for protocol in _ordered(sides):
        if protocol.metric not in metrics:
            continue
        values = [_value(side, protocol) for side in sides]
        effects = tuple(_effect(sides[0], side, protocol, collected, by_key) for side in sides[1:])
        yield Line(metrics[protocol.metric], protocol, tuple(values), effects)


def _ordered(sides: Iterable[ComparedRun]) -> list[Protocol]:
    """Every protocol once, as tables show metrics."""
    known = {row.protocol.key(): row.protocol for side in sides for row in side.part.numbers}
    places = {name: place for place, name in enumerate(METRICS)}
    return sorted(known.values(), key=lambda p: (places.get(p.metric, len(places)), p.metric))


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
    mine = table[(table["protocol_key"] == protocol.key()) & (table["status"] == "ok")]
    seeds = [set(mine.loc[mine["model"] == each.label, "seed"]) for each in (first, side)]
    if not all(seeds):
        return EntryEffect(None, 0, "measured on one side only")
    shared = len(seeds[0] & seeds[1])
    board = by_key.get((str(mine["dataset"].iloc[0]), protocol.key()))
    row = board.row(side.label) if board else None
    if row is None or row.versus is None:
        return EntryEffect(None, shared, f"{_seeds(seeds)}: at least {FEWEST} of each are needed")
    return EntryEffect(row.versus, shared)


def _seeds(of: Sequence[Collection[int]]) -> str:
    counts = [len(seeds) for seeds in of]
    if counts[0] == counts[1]:
        return f"{counted(counts[0], 'seed')} each"
    return f"{counts[0]} and {counted(counts[1], 'seed')}"
