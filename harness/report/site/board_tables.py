"""Boards across suites as tables. Each dataset has one whose columns are metrics, each by one
protocol, and further ones for other protocols.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.core.measurement import FLOORS
from harness.leaderboards.board import Row, metric_place
from harness.leaderboards.leaderboard import floor_rows
from harness.report.boards.view import budget, in_order
from harness.report.site.board_columns import (
    BoardPair,
    MetricColumn,
    board_columns,
    board_pairs,
)
from harness.report.site.published import PublishedEntry, SourceReport
from harness.report.site.published_numbers import PublishedNumbers
from harness.report.site.seed_losses import NumberPlace, losses_text, seed_values
from harness.report.tables import TableCell, applicable_models, cell
from harness.report.templating import slug
from harness.statistics.formatting import number


@dataclass(frozen=True)
class EntryCell:
    """The number of an entry in a column. `order` is its place, best first, where equal means have
    equal places; `over` has the indices of the entries of the table that it beats by the tests;
    `sources` are the reports that have the number. `by_seed` has the value of each seed on a scale
    on which less is better ("0:1.5 1:2"); it is empty where no value is better than another.
    """

    cell: TableCell
    row: Row | None
    order: int | None
    is_ranked: bool
    over: tuple[int, ...]
    sources: tuple[SourceReport, ...]
    by_seed: str = ""


@dataclass(frozen=True)
class EntryRow:
    """An entry with a cell for each column, and the images that it was shown."""

    entry: PublishedEntry
    images: TableCell
    cells: tuple[EntryCell, ...]


@dataclass(frozen=True)
class SiteTable:
    """A table of the page: `id` is its name in addresses, `apart` says how its protocols differ
    from the first table of its dataset, and is empty for the first. `floors` are the rows of images
    that no model made, a text for each column.
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

    @cached_property  # read for each row
    def alphabetical(self) -> dict[str, int]:
        """The alphabetical place of each entry, by label."""
        labels = sorted(row.entry.label for row in (*self.rows, *self.real))
        return {label: place for place, label in enumerate(labels)}


def site_tables(numbers: PublishedNumbers) -> list[SiteTable]:
    """Returns the tables of all datasets. No column has numbers of two protocols."""
    by_table: dict[tuple[str, str], list[BoardPair]] = {}
    pairs = board_pairs(numbers)
    values = seed_values(numbers.table)
    for pair in sorted(pairs, key=lambda each: metric_place(each[1].metric)):
        by_table.setdefault((pair[1].dataset, pair[1].apart), []).append(pair)
    return [
        _table(dataset, apart, by_table[dataset, apart], numbers, values)
        for dataset, apart in sorted(by_table)
    ]


def _table(
    dataset: str,
    apart: str,
    pairs: Sequence[BoardPair],
    numbers: PublishedNumbers,
    values: Mapping[NumberPlace, Mapping[int, float]],
) -> SiteTable:
    columns = board_columns(pairs, numbers)
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
        cells = tuple(_entry_cell(column, entry, places, values) for column in columns)
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


def _entry_cell(
    column: MetricColumn,
    entry: PublishedEntry,
    places: Mapping[str, int],
    values: Mapping[NumberPlace, Mapping[int, float]],
) -> EntryCell:
    board, label = column.everything if entry.is_real else column.board, entry.label
    row, shown = board.row(label), cell(board, column.metric, label, {})
    if row is None or row.mean is None:
        return EntryCell(shown, row, None, False, (), ())
    beaten = [worse for better, worse in board.told_apart if better == label]
    return EntryCell(
        shown,
        row,
        next(place for place, other in enumerate(board.rows) if other.mean == row.mean),
        bool(row.rank) and not entry.is_real,
        () if entry.is_real else tuple(sorted(places[worse] for worse in beaten)),
        tuple(entry.sources(board.metric, board.protocol_key)),
        "" if entry.is_real else losses_text(column, label, values),
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


def page_id(text: str) -> str:
    """Returns an id for a name: the name itself where it is a word, else with a digest."""
    words = slug(text)
    return words if words == text else f"{words}-{_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
