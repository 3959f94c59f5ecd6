"""Boards across suites as tables: of each dataset one whose columns are metrics, each by one
protocol, and further ones of what was measured otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.core.counting import counted
from harness.core.measurement import FLOORS
from harness.leaderboards.board import Board, Row
from harness.leaderboards.leaderboard import boards, floor_rows
from harness.metrics import METRICS
from harness.metrics.base import Metric
from harness.report.boards.view import GROUPS, OTHERS, budget, in_order
from harness.report.site.published import PublishedEntry, SourceReport
from harness.report.site.published_numbers import PublishedNumbers
from harness.report.tables import TableCell, applicable_models, cell
from harness.report.templating import slug
from harness.statistics.formatting import number

SHOWN = 5
"""The columns of a table that are shown where the reader has chosen none."""
COSTS = "cost"
"""The kind of metrics that are not among these where there are others."""


@dataclass(frozen=True)
class MetricColumn:
    """A column: one metric on one dataset by one protocol. `board` has the models, `everything`
    real images too. `key` is its name in addresses, `shown` says whether it is shown where the
    reader has chosen no columns, `mark` why it ranks nobody or that its models are not told apart,
    and `doubt` how the metric failed its self-test.
    """

    key: str
    metric: Metric
    board: Board
    everything: Board
    shown: bool
    mark: str
    doubt: str

    @property
    def ranks(self) -> bool:
        """Whether its ranks say something: at least two models are told apart."""
        return not self.mark

    @property
    def direction(self) -> str:
        """The order of `aria-sort` in which the best value comes first."""
        return {"lower": "ascending", "nearer": "other"}.get(self.metric.better, "descending")


@dataclass(frozen=True)
class EntryCell:
    """What a column says of an entry: `order` is its place, best first, where equal means have
    equal places; `over` has the indices of the entries of the table than which it is better by the
    tests; `sources` are the reports that have the number.
    """

    cell: TableCell
    row: Row | None
    order: int | None
    is_ranked: bool
    over: tuple[int, ...]
    sources: tuple[SourceReport, ...]


@dataclass(frozen=True)
class EntryRow:
    """An entry with a cell for each column, and the images that it was shown."""

    entry: PublishedEntry
    images: TableCell
    cells: tuple[EntryCell, ...]


@dataclass(frozen=True)
class SiteTable:
    """A table of the page: `id` is its name in addresses, `apart` says how its protocols differ
    from those of the first table of its dataset, and is empty for that one. `floors` are the rows
    of images that no model made, a text for each column.
    """

    id: str
    dataset: str
    apart: str
    columns: tuple[MetricColumn, ...]
    rows: tuple[EntryRow, ...]
    real: tuple[EntryRow, ...]
    floors: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def sorted_by(self) -> str:
        """The key of the column whose order the rows have."""
        return next(column.key for column in self.columns if column.shown)

    @property
    def alphabetical(self) -> dict[str, int]:
        """The place of each entry in the order of the alphabet, by label."""
        labels = sorted(row.entry.label for row in (*self.rows, *self.real))
        return {label: place for place, label in enumerate(labels)}


BoardPair = tuple[Board, Board]
"""The board of a column with models alone, and with everything."""


def site_tables(numbers: PublishedNumbers) -> list[SiteTable]:
    """Returns the tables of all datasets. No column has numbers of two protocols."""
    places = {name: place for place, name in enumerate(METRICS)}
    by_table: dict[tuple[str, str], list[BoardPair]] = {}
    pairs = _board_pairs(numbers)
    for pair in sorted(pairs, key=lambda each: places.get(each[1].metric, len(places))):
        by_table.setdefault((pair[1].dataset, pair[1].apart), []).append(pair)
    return [
        _table(dataset, apart, by_table[dataset, apart], numbers)
        for dataset, apart in sorted(by_table)
    ]


def _board_pairs(numbers: PublishedNumbers) -> list[BoardPair]:
    """The boards on which anyone has a number or has failed. Real images take no part in the order
    of models.
    """
    table = numbers.table
    real = [entry.label for entry in numbers.entries if entry.is_real]
    labels = [entry.label for entry in numbers.entries]
    of_models = {
        _place(board): board for board in boards(table[~table["model"].isin(real)], numbers.metrics)
    }
    return [
        (of_models.get(_place(everything), replace(everything, rows=())), everything)
        for everything in boards(table, numbers.metrics)
        if applicable_models(everything, labels)
    ]


def _place(board: Board) -> tuple[str, str, str]:
    return board.dataset, board.metric, board.protocol_key


def _table(
    dataset: str, apart: str, pairs: Sequence[BoardPair], numbers: PublishedNumbers
) -> SiteTable:
    columns = _columns(pairs, numbers)
    shown = [column.board for column in columns if column.shown]
    entries = {entry.label: entry for entry in numbers.entries if entry.dataset == dataset}
    everything = [column.everything for column in columns]
    labels = [
        label
        for label in in_order([*shown, *(column.board for column in columns), *everything])
        if any(applicable_models(board, [label]) for board in everything)
    ]
    models = [label for label in labels if not entries[label].is_real]
    places = {label: place for place, label in enumerate(models)}

    def row(label: str) -> EntryRow:
        entry = entries[label]
        cells = tuple(_entry_cell(column, entry, places) for column in columns)
        return EntryRow(entry, budget(entry.images), cells)

    return SiteTable(
        f"{page_id(dataset)}-{_digest(apart)}" if apart else page_id(dataset),
        dataset,
        f"Measured otherwise: {apart}" if apart else "",
        columns,
        tuple(row(label) for label in models),
        tuple(row(label) for label in labels if entries[label].is_real),
        tuple(_floors(columns, numbers)),
    )


def _columns(pairs: Sequence[BoardPair], numbers: PublishedNumbers) -> tuple[MetricColumn, ...]:
    names = [everything.metric for _, everything in pairs]
    shown = default_columns(pairs, numbers.metrics)
    columns = (
        MetricColumn(
            each.metric
            if names.count(each.metric) == 1
            else f"{each.metric}-{each.protocol_key[:8]}",
            numbers.metrics[each.metric],
            board,
            each,
            _place(each) in shown,
            rank_mark(board),
            numbers.doubts.get((each.dataset, each.protocol_key), ""),
        )
        for board, each in pairs
    )
    return tuple(sorted(columns, key=lambda column: not column.shown))


def default_columns(
    pairs: Iterable[BoardPair], metrics: Mapping[str, Metric]
) -> list[tuple[str, str, str]]:
    """Returns the boards of a table that are shown at first, by dataset, metric and protocol key:
    those on which the most models have a number, costs last.
    """

    def precedence(pair: BoardPair) -> tuple[bool, int]:
        measured = sum(row.mean is not None for row in pair[0].rows)
        return metrics[pair[1].metric].kind == COSTS, -measured

    return [_place(each) for _, each in sorted(pairs, key=precedence)[:SHOWN]]


def rank_mark(board: Board) -> str:
    """Says why a board ranks nobody, or that its models are not told apart; empty where at least
    two are.
    """
    if board.unranked:
        return "not ranked"
    with_mean = [row for row in board.rows if row.mean is not None]
    if len(with_mean) < 2:
        return "one model, no rank" if with_mean else "no model"
    tested = [row for row in with_mean if row.rank is not None]
    if len(tested) < 2:
        return "fewer than three seeds"
    if not board.told_apart:
        counts = sorted({row.seeds for row in tested})
        ends = dict.fromkeys((counts[0], counts[-1]))
        return f"not told apart (n = {'–'.join(map(str, ends))})"
    return ""


def _entry_cell(
    column: MetricColumn, entry: PublishedEntry, places: Mapping[str, int]
) -> EntryCell:
    board, label = column.everything if entry.is_real else column.board, entry.label
    row = board.row(label)
    if row is None or row.mean is None:
        return EntryCell(cell(board, column.metric, label, {}), row, None, False, (), ())
    return EntryCell(
        cell(board, column.metric, label, {}),
        row,
        next(place for place, other in enumerate(board.rows) if other.mean == row.mean),
        bool(row.rank) and not entry.is_real,
        tuple(sorted(places[worse] for better, worse in board.told_apart if better == label))
        if not entry.is_real
        else (),
        tuple(entry.sources(board.metric, board.protocol_key)),
    )


def _floors(
    columns: Sequence[MetricColumn], numbers: PublishedNumbers
) -> Iterator[tuple[str, tuple[str, ...]]]:
    table = numbers.table
    rows = table[table["model"].isin(list(FLOORS)) & (table["status"] == "ok")]
    by_column = [
        {row.model: row.mean for row in floor_rows(each.metric, each.everything.protocol_key, rows)}
        for each in columns
    ]
    for name in FLOORS:
        if any(name in values for values in by_column):
            yield (
                name,
                tuple(
                    "–" if (value := values.get(name)) is None else number(value, c.metric.digits)
                    for c, values in zip(columns, by_column, strict=True)
                ),
            )


def metric_groups(tables: Sequence[SiteTable]) -> list[tuple[str, list[Metric]]]:
    """Returns the metrics of all tables by the heading that they stand under, each once."""
    metrics = {c.metric.name: c.metric for table in tables for c in table.columns}
    places = {name: place for place, name in enumerate(METRICS)}
    groups: dict[str, list[Metric]] = {}
    for metric in sorted(metrics.values(), key=lambda m: (places.get(m.name, len(places)), m.name)):
        groups.setdefault(GROUPS.get(metric.name, OTHERS), []).append(metric)
    return list(groups.items())


def training_text(entry: PublishedEntry) -> str:
    """How long an entry was trained: "625 steps, 33 epochs"; empty where it was not."""
    info = entry.training
    if info is None:
        return ""
    epochs = number(info.epochs, 0) if info.epochs >= 10 else f"{info.epochs:.2g}"
    return f"{counted(info.steps, 'step')}, {epochs} {'epoch' if epochs == '1' else 'epochs'}"


def page_id(text: str) -> str:
    """Returns an id for a name: the name itself where it is a word, else with a digest."""
    words = slug(text)
    return words if words == text else f"{words}-{_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
