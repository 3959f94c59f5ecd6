"""A leaderboard as tables: what stands together, in which order, and under which heading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.core.counting import counted
from harness.core.measurement import PREFERENCE
from harness.leaderboards.aggregate import BootstrapEstimate, MetricSummary
from harness.leaderboards.board import Board
from harness.leaderboards.entries import Entry
from harness.leaderboards.standings import Mention, Standings
from harness.metrics import METRICS
from harness.report import tables
from harness.statistics.formatting import decimals, interval, number

GROUPS = {name: metric.kind.capitalize() for name, metric in METRICS.items() if metric.kind} | {
    PREFERENCE: "People"
}
"""The heading under which a metric stands."""
OTHERS = "Other metrics"


@dataclass(frozen=True)
class Leaderboard:
    """What is shown, from which store (as it can be published), and when it was read."""

    standings: Standings
    store: str
    generated_at: str


@dataclass(frozen=True)
class DatasetView:
    """One dataset's tables: first of the protocol that most numbers have, then of each other
    protocol, by the field that differs. `left_out` are metrics that apply to no model, with the
    reason.
    """

    name: str
    comparable: tuple[tables.Group, ...]
    apart: tuple[tables.Group, ...]
    left_out: tuple[tuple[str, str], ...]


def datasets(standings: Standings) -> list[DatasetView]:
    """The tables of every dataset."""
    return [_dataset(name, standings) for name in standings.datasets]


def _dataset(name: str, standings: Standings) -> DatasetView:
    boards = [board for board in standings.boards if board.dataset == name]
    models = in_order(boards)
    left_out = tables.left_out(boards, standings.metrics, models)
    applicable = [board for board in boards if tables.applicable_models(board, models)]
    return DatasetView(
        name,
        tuple(_grouped((b for b in applicable if not b.apart), standings, by_kind=True)),
        tuple(_grouped((b for b in applicable if b.apart), standings, by_kind=False)),
        tuple(left_out),
    )


def _grouped(boards: Iterable[Board], standings: Standings, by_kind: bool) -> list[tables.Group]:
    by_caption: dict[str, list[Board]] = {}
    for board in boards:
        kind = GROUPS.get(board.metric, OTHERS)
        caption = kind if by_kind else f"Measured otherwise: {board.apart}"
        by_caption.setdefault(caption, []).append(board)
    return [
        tables.group(caption, boards_of_caption, standings.metrics, in_order(boards_of_caption), {})
        for caption, boards_of_caption in by_caption.items()
    ]


def in_order(boards: Sequence[Board]) -> list[str]:
    """Returns the models of a table: in the order of its first board, best first, then further
    models of the next boards; models without a number come last.
    """
    rows = sorted((row for board in boards for row in board.rows), key=lambda r: r.mean is None)
    return list(dict.fromkeys(row.model for row in rows))


def headline(standings: Standings) -> str:
    """What is on the leaderboard, in one sentence."""
    entries = standings.collected.entries
    suites = {suite for entry in entries for suite in entry.suites}
    runs = {run for entry in entries for run in entry.runs}
    first = min(entry.first for entry in entries).date()
    last = max(entry.last for entry in entries).date()
    datasets = _count(len(standings.datasets), "dataset")
    when = f"on {first}" if first == last else f"from {first} to {last}"
    return (
        f"{_count(len(entries), 'entry', 'entries')} on {datasets}, "
        f"from {_count(len(suites), 'suite')} and {_count(len(runs), 'run')} {when}."
    )


def _count(many: int, word: str, words: str = "") -> str:
    return f"{number(many, 0)} {word if many == 1 else words or word + 's'}"


def quoted(standings: Standings) -> set[str]:
    """The rows that papers state."""
    return {mention.label for mention in standings.mentions}


def format_estimate(value: BootstrapEstimate | None) -> str:
    """A value with its interval, with the digits that this leaves."""
    if value is None:
        return "–"
    if value.interval is None or value.interval[0] == value.interval[1]:
        return number(value.value)
    places = decimals((value.interval[1] - value.interval[0]) / 2)
    return f"{number(value.value, places)} {interval(*value.interval, places)}"


def probability(value: BootstrapEstimate | None) -> str:
    """The same of a probability, which has two decimals where there is no interval."""
    if value and (value.interval is None or value.interval[0] == value.interval[1]):
        return number(value.value, 2)
    return format_estimate(value)


def scale(summary: MetricSummary) -> str:
    """What the interquartile means of a summary are of."""
    return "ratios to the geometric mean of these models" if summary.relative else "values"


def partial(summary: MetricSummary) -> str:
    """Which models a summary leaves out, each with a dataset that lacks it; empty where none is."""
    named = [f"{model} (not on {dataset})" for model, dataset in summary.partial.items()]
    return f"Not measured on all of these datasets: {', '.join(named)}." if named else ""


def spread(mention: Mention) -> str:
    """What a paper says its number's ± is."""
    deviation = mention.quote.spread
    if deviation.value is None:
        return deviation.kind
    over = f" over {deviation.over}" if deviation.over else ""
    seeds = f", {counted(deviation.seeds, 'seed')}" if deviation.seeds else ""
    return f"± {deviation.value:g} {deviation.kind}{over}{seeds}"


def stated(mention: Mention) -> str:
    """The protocol as far as the source states it."""
    fields = mention.quote.protocol.model_dump(exclude_unset=True)
    return ", ".join(f"{name} {value}" for name, value in fields.items()) or "nothing stated"


def budgets(standings: Standings) -> dict[str, tables.TableCell]:
    """The training images that each row's model was shown, by label; of quoted numbers they are not
    known.
    """
    cells = {label: budget(images) for label, images in standings.images.items()}
    return dict.fromkeys(quoted(standings), tables.TableCell("–")) | cells


def budget(images: int | None) -> tables.TableCell:
    """The training images that an entry was shown, as a column says it."""
    if images is None:
        return tables.TableCell("unknown")
    return tables.TableCell(number(images, 0) if images else "not trained", images)


def maturity(entry: Entry, standings: Standings) -> str:
    """On which datasets an entry is undertrained or overfitted and why, or that it is not recorded;
    empty where it is neither, and where it is not trained.
    """
    if not entry.identity.images:
        return ""
    states = standings.entry_marks(entry)
    texts = [
        f"{word} on {name}: {reason}"
        for name, marks in states.items()
        for word, reason in (marks or {}).items()
    ]
    if unknown := [name for name, marks in states.items() if marks is None]:
        texts.append(f"not recorded on {', '.join(unknown)}")
    return "; ".join(texts)


def seeds(entry: Entry) -> str:
    """How many training seeds an entry has, by dataset where that differs."""
    counts = {dataset: len(seeds) for dataset, seeds in sorted(entry.seeds.items())}
    if entry.identity.is_external:
        return "–"
    if len(set(counts.values())) == 1:
        return str(next(iter(counts.values())))
    return ", ".join(f"{count} on {dataset}" for dataset, count in counts.items())


def parameters(entry: Entry) -> str:
    """Of an entry's networks; a range where datasets need networks of other sizes."""
    few, many = min(entry.parameters, default=0), max(entry.parameters, default=0)
    if not many:
        return "–"
    return number(few, 0) if few == many else f"{number(few, 0)} to {number(many, 0)}"
