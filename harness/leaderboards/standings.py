"""A leaderboard across suites: boards, summaries over datasets, fronts, and numbers from papers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from harness.config.quoted import Quote
from harness.core.counting import counted, counted_of
from harness.core.errors import BadInput, suggest
from harness.core.measurement import PREFERENCE
from harness.leaderboards.aggregate import MetricSummary, summaries
from harness.leaderboards.board import Board, Quoted, metric_place
from harness.leaderboards.collection import CollectedEntries
from harness.leaderboards.entries import Entry
from harness.leaderboards.leaderboard import boards
from harness.leaderboards.pareto import COSTS, Front, fronts
from harness.metrics import REGISTRY, load_metric
from harness.metrics.base import Metric
from harness.statistics.formatting import number
from harness.statistics.maturity import MARKS
from harness.statistics.preference import HUMAN_PREFERENCE

QUALITIES = ("fid", "recall")
"""What is drawn against costs where nothing is chosen."""


@dataclass(frozen=True)
class Mention:
    """A quoted number, the protocol of the measured ones that are most like it, and what keeps it
    from standing with them: empty where it does, under its `label`.
    """

    quote: Quote
    label: str
    protocol_key: str
    apart: str


@dataclass(frozen=True)
class Standings:
    """Everything a leaderboard's page says, as data. `against` are the labels of the model that the
    others are compared with: on each board with the first of them that is on it.
    """

    collected: CollectedEntries
    metrics: Mapping[str, Metric]
    boards: tuple[Board, ...]
    summaries: tuple[MetricSummary, ...]
    fronts: tuple[Front, ...]
    mentions: tuple[Mention, ...]
    notices: tuple[str, ...]
    against: tuple[str, ...] = ()

    @property
    def datasets(self) -> list[str]:
        """Those that anything was measured on."""
        return list(dict.fromkeys(board.dataset for board in self.boards))

    @cached_property  # asked for every row
    def images(self) -> dict[str, int | None]:
        """Training images shown to each entry, by label: 0 of what is not trained, None of samples
        from elsewhere.
        """
        return {entry.label: entry.identity.images for entry in self.collected.entries}

    @cached_property
    def marks(self) -> dict[tuple[str, str], Mapping[str, str]]:
        """Which entries are undertrained or overfitted, by dataset and label, with the reasons."""
        return {place: marks for place, marks in self.collected.maturity.items() if marks}

    def entry_marks(self, entry: Entry) -> dict[str, Mapping[str, str] | None]:
        """The marks of an entry by dataset, in order of name; None where no report says."""
        return {
            name: self.collected.maturity.get((name, entry.label)) for name in sorted(entry.seeds)
        }


def standings(
    collected: CollectedEntries,
    chosen: Collection[str] | None = None,
    against: str | None = None,
    quotes: Sequence[Quote] = (),
) -> Standings:
    """The leaderboard of what was collected; `chosen` are the metrics that were asked for by name,
    all where none was. Costs are collected all the same, to draw what was chosen against them.

    Where several entries have the name `against`, that of the largest budget on each board is
    meant. Raises BadInput where none has it.
    """
    metrics, unknown = known_metrics(collected.table["metric"], chosen or ())
    references = _entries(against, collected) if against else ()
    mentions = [_mention(quote, collected) for quote in quotes]
    board_list = _ordered(boards(collected.table, metrics, references, _on_boards(mentions)))
    shown = [board for board in board_list if not chosen or board.metric in chosen]
    qualities = [name for name in chosen or QUALITIES if name not in COSTS]
    return Standings(
        collected,
        metrics,
        tuple(shown),
        tuple(summaries(shown, collected.table, metrics, next(iter(references), None))),
        tuple(fronts(board_list, metrics, qualities)),
        tuple(mentions),
        (*_notices(collected, shown, unknown), *_chosen(references)),
        references,
    )


def known_metrics(
    names: Iterable[str], chosen: Collection[str] = ()
) -> tuple[dict[str, Metric], list[str]]:
    """The metrics called so, and the names of those that this installation does not have. One of
    another module is imported only where the user chose it by name: a store may say anything.
    """
    metrics, unknown = {}, []
    for name in dict.fromkeys(names):
        if name == PREFERENCE:
            metrics[name] = HUMAN_PREFERENCE
        elif name in REGISTRY or name in chosen:
            metrics[name] = load_metric(name)
        else:
            unknown.append(name)
    return metrics, unknown


def _entries(name: str, collected: CollectedEntries) -> tuple[str, ...]:
    """The labels of the entries that are called so, the preferred one first."""
    labels = {entry.label for entry in collected.entries}
    if name in labels:
        return (name,)
    of_name = [entry for entry in collected.entries if entry.identity.model == name]
    if not of_name:
        raise BadInput(f"{name!r} is not on the leaderboard{suggest(name, labels)}")
    return tuple(entry.label for entry in sorted(of_name, key=_preference, reverse=True))


def _preference(entry: Entry) -> tuple[int, int, datetime]:
    """Of entries with one name: the largest budget, then the most runs, then the latest."""
    return entry.identity.images or 0, len(entry.runs), entry.last


def _chosen(references: Sequence[str]) -> Iterator[str]:
    """Which of several entries the others are compared with."""
    if len(references) > 1:
        first, *others = references
        yield (
            f"Compared with {first}: of the entries of that name the one of the most training "
            "images, of equal ones that of the most runs, then the latest. On a board without it, "
            f"with {' or '.join(others)}. Name another with --against."
        )


def _ordered(board_list: Sequence[Board]) -> list[Board]:
    """By dataset, then as tables show metrics, then by protocol."""
    return sorted(board_list, key=lambda b: (b.dataset, *metric_place(b.metric), bool(b.apart)))


def _mention(quote: Quote, collected: CollectedEntries) -> Mention:
    """The quoted number beside those that are measured most like it."""
    table = collected.table
    alike = table[(table["dataset"] == quote.on) & (table["metric"] == quote.metric)]
    keys = list(alike.loc[alike["status"] == "ok", "protocol_key"].value_counts().index)
    label = f"{quote.model} (quoted)"
    if not keys:
        return Mention(quote, label, "", f"{quote.metric} is not measured on {quote.on} here")
    differences = {key: quote.differs(collected.protocols[key]) for key in keys}
    nearest = min(keys, key=lambda key: len(differences[key]))
    return Mention(quote, label, nearest, "; ".join(differences[nearest]))


def _on_boards(mentions: Sequence[Mention]) -> list[Quoted]:
    """Those that were measured as a board is. Of a spread other than that over seeds nothing is
    known that seeds could be compared with.
    """
    quoted = []
    for mention in mentions:
        quote, spread = mention.quote, mention.quote.spread
        over_seeds = spread.kind == "sd over seeds"
        if not mention.apart:
            quoted.append(
                Quoted(
                    quote.on,
                    quote.metric,
                    mention.protocol_key,
                    mention.label,
                    float(quote.value),
                    spread.value if over_seeds else None,
                    (spread.seeds or 1) if over_seeds else 1,
                )
            )
    return quoted


def _notices(
    collected: CollectedEntries, board_list: Sequence[Board], unknown: Sequence[str]
) -> Iterator[str]:
    """What a reader must know before comparing."""
    by_dataset: dict[str, dict[str, int | None]] = {}
    images = {entry.label: entry.identity.images for entry in collected.entries}
    for board in board_list:
        shown = {row.model: images.get(row.model) for row in board.rows if row.mean is not None}
        by_dataset.setdefault(board.dataset, {}).update(shown)
    for dataset, counts in by_dataset.items():
        distinct = sorted({count for count in counts.values() if count})
        if len(distinct) > 1:
            yield (
                f"The budgets differ on {dataset}: models were shown {number(distinct[0], 0)} to "
                f"{number(distinct[-1], 0)} training images, so that differences between them may "
                "come from training longer."
            )
    yield from _maturity_notices(collected, board_list)
    names = [entry.identity.model for entry in collected.entries]
    if several := sorted({name for name in names if names.count(name) > 1}):
        yield (
            f"{', '.join(several)}: one name for several entries, which differ in what their "
            "labels say."
        )
    if repeats := sum(entry.repeats for entry in collected.entries):
        yield (
            f"{_runs(repeats)} of a seed that an earlier run of the same entry has too, on "
            "another machine, with another torch, or by two commands at once: the first counts."
        )
    if collected.unfinished:
        yield f"{_runs(collected.unfinished)} of cells whose training has not ended: left out."
    if collected.forgotten:
        yield f"{_runs(collected.forgotten)} that `harness forget` lists: left out."
    if unknown:
        yield f"Metrics that this installation does not know: {', '.join(unknown)}."


def _maturity_notices(collected: CollectedEntries, board_list: Sequence[Board]) -> Iterator[str]:
    """How many of the entries on boards are undertrained or overfitted, and of how many that is not
    recorded.
    """
    trained = {entry.label for entry in collected.entries if entry.identity.images}
    places = {(board.dataset, row.model) for board in board_list for row in board.rows}
    states = {place: collected.maturity.get(place) for place in places if place[1] in trained}
    total = len({label for _, label in states})
    for word, meaning in MARKS.items():
        if marked := {label for (_, label), marks in states.items() if word in (marks or ())}:
            yield (
                f"{counted_of(len(marked), total, 'trained entry', 'trained entries')} "
                f"{'is' if len(marked) == 1 else 'are'} marked as {word}: {meaning}."
            )
    if unknown := {label for (_, label), marks in states.items() if marks is None}:
        yield (
            f"Whether {counted_of(len(unknown), total, 'trained entry', 'trained entries')} "
            f"{'is' if len(unknown) == 1 else 'are'} undertrained is not recorded; `harness run` "
            "of a finished suite records it, and trains nothing."
        )


def _runs(count: int) -> str:
    return counted(count, "run")
