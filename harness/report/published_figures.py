"""Published figures beside ours: what a paper prints, what our reports measured, and the gap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from harness.config.published import PublishedFile, shipped_published_files
from harness.config.published_types import (
    Counterpart,
    PublishedColumn,
    PublishedFigure,
    PublishedRow,
    PublishedTable,
)
from harness.core.counting import counted, counted_of
from harness.report.measured_seeds import MeasuredSeeds, PublishedReport, published_reports
from harness.statistics.formatting import decimals, number

NOT_LOOKED_UP = "not looked up"
NOT_MEASURED = "not measured"
NO_RECIPE = "no recipe of ours"
SPREADS = {
    "none stated": "the source states no spread",
    "not looked up": "what spread the source states was not looked up",
}
"""What is said where a table has no ± to compare with."""


@dataclass(frozen=True)
class FigureComparison:
    """A published figure beside the mean over seeds of what was measured here; `places` None where
    the two are on different scales.
    """

    row: PublishedRow
    column: PublishedColumn
    figure: PublishedFigure | None
    model: str
    """The recipe; empty where none stands for the row."""
    measured: MeasuredSeeds | None
    same_scale: bool

    @property
    def theirs(self) -> str:
        """The figure as it is printed."""
        return self.figure.text if self.figure else NOT_LOOKED_UP

    @property
    def ours(self) -> str:
        """Mean and standard deviation over seeds: `7.5 ± 0.8`; or why there is none."""
        if self.measured is None:
            return NOT_MEASURED if self.model else NO_RECIPE
        if self.measured.spread is None:
            return number(self.mean, self._places(None))
        spread = abs(self.column.factor) * self.measured.spread
        places = self._places(spread)
        return f"{number(self.mean, places)} ± {number(spread, places)}"

    @property
    def seeds(self) -> str:
        """How many seeds ours is the mean of; empty where nothing was measured."""
        return counted(len(self.measured.values), "seed") if self.measured else ""

    @property
    def mean(self) -> float:
        """Our mean in the unit of the table; only where something was measured."""
        return self.column.factor * self.measured.mean if self.measured else float("nan")

    @property
    def gap(self) -> str:
        """Ours less theirs; a dash where there is none."""
        if self.figure is None or self.measured is None or not self.same_scale:
            return "–"
        return number(self.mean - self.figure.value, self.figure.places, signed=True)

    @property
    def within(self) -> bool | None:
        """Whether our mean, with the decimals of the figure, lies within its ±; None where one
        of them is missing, or scales differ.
        """
        figure = self.figure
        if figure is None or figure.spread is None or self.measured is None or not self.same_scale:
            return None
        gap = abs(round(self.mean, figure.places) - figure.value)
        return gap <= figure.spread + 1e-9

    def _places(self, spread: float | None) -> int | None:
        """The decimals of the figure; where scales differ, as many as show two digits of the
        spread.
        """
        if self.figure and self.same_scale:
            return self.figure.places
        return decimals(spread) if spread else None


@dataclass(frozen=True)
class OrderAgreement:
    """How many pairs of models stand in the published order: in every seed, in none, or in some."""

    column: PublishedColumn
    same: int
    reversed: int
    mixed: int

    @property
    def text(self) -> str:
        """`by FID the published order holds for 5 of 6 pairs of models in every seed, for 1 in some
        seeds, for 0 in none`
        """
        pairs = self.same + self.reversed + self.mixed
        return (
            f"by {self.column.name} the published order holds for "
            f"{counted_of(self.same, pairs, 'pair')} of models in every seed, for {self.mixed} in "
            f"some seeds, for {self.reversed} in none"
        )


@dataclass(frozen=True)
class CounterpartComparison:
    """A table beside one suite of ours, with the report that has most of its figures, if any."""

    counterpart: Counterpart
    table: PublishedTable
    report: PublishedReport | None
    figures: tuple[FigureComparison, ...]

    @property
    def has_gaps(self) -> bool:
        """Whether gaps can be shown: something was measured, on the table's scale."""
        return self.report is not None and self.table.compare == "values"

    @property
    def differs(self) -> tuple[str, ...]:
        """How our measurement departs from the published protocol, a few words each."""
        return (*self.counterpart.differs, *self._differs_in_numbers())

    def _differs_in_numbers(self) -> Iterator[str]:
        """Which numbers of the protocol the report does not meet."""
        if self.report is None:
            return
        protocol = self.table.protocol
        changed = {name: text for name, text in self.report.overrides.items() if name != "seeds"}
        yield from (f"run with {name} {text}" for name, text in changed.items())
        measured = [each.measured for each in self.figures if each.measured]
        seeds = {len(each.values) for each in measured}
        if protocol.runs and seeds != {protocol.runs}:
            trainings = " or ".join(counted(count, "training") for count in sorted(seeds))
            yield f"{trainings} where the paper has {protocol.runs}"
        samples = {each.samples for each in measured if each.samples}
        if protocol.samples and samples and samples != {protocol.samples}:
            counts = " or ".join(f"{count:,}" for count in sorted(samples))
            yield f"{counts} samples where the paper has {protocol.samples:,}"

    @property
    def orders(self) -> list[OrderAgreement]:
        """Of a table whose order is compared: the agreement in each column with a pair."""
        if self.table.compare != "order":
            return []
        agreements = (_order(column, self.figures) for column in self.table.columns)
        return [each for each in agreements if each.same + each.mixed + each.reversed]

    @property
    def outcome(self) -> str:
        """What came out, in a sentence without a full stop."""
        figures = [each for each in self.figures if each.figure]
        measured = [each for each in figures if each.measured]
        if not measured:
            return NOT_MEASURED
        if self.table.compare == "order":
            return "; ".join(order.text for order in self.orders) or "no pair of models measured"
        spreads = [each.within for each in measured if each.within is not None]
        text = f"{counted_of(len(measured), len(figures), 'figure')} measured"
        if spreads:
            return f"{text}, {sum(spreads)} of them within the published ±"
        return f"{text}, without a ± to compare with"


@dataclass(frozen=True)
class TableComparison:
    """A published table beside each of its counterparts."""

    file: PublishedFile
    counterparts: tuple[CounterpartComparison, ...]

    @property
    def table(self) -> PublishedTable:
        """What the paper prints."""
        return self.file.table

    @property
    def short_source(self) -> str:
        """Paper without its title, and table: `Lin et al. 2018, table 1`."""
        return f"{self.table.source.paper.partition(',')[0]}, {self.table.source.table}"

    @property
    def figures(self) -> int:
        """How many figures of the table were looked up."""
        return sum(value is not None for row in self.table.rows for value in row.values)

    @property
    def measured(self) -> int:
        """How many of them were measured here, in any suite."""
        pairs = {
            (each.row.name, each.column.name)
            for beside in self.counterparts
            for each in beside.figures
            if each.figure and each.measured
        }
        return len(pairs)

    @property
    def protocol(self) -> str:
        """How the source measured, on one line."""
        stated = self.table.protocol
        parts = [
            stated.dataset,
            f"{stated.split} split" if stated.split else "",
            f"{stated.samples:,} samples" if stated.samples else "",
            stated.extractor,
            stated.budget,
            counted(stated.runs, "training") if stated.runs else "",
        ]
        return "; ".join(part for part in parts if part)

    @property
    def spread(self) -> str:
        """What the table's ± is, in words."""
        spread = self.table.spread
        if spread.kind in SPREADS:
            return SPREADS[spread.kind]
        kind = spread.kind.replace("sd over seeds", "standard deviation")
        return f"± is the {kind}{f' over {spread.over}' if spread.over else ''}"

    @property
    def unread(self) -> list[PublishedRow]:
        """The rows whose figures were not looked up."""
        return [row for row in self.table.rows if not self.table.reading_of(row).verified]

    @property
    def alone(self) -> list[PublishedRow]:
        """The rows that were looked up, and that no recipe of ours stands for."""
        rows = (row for row in self.table.rows if not row.models)
        return [row for row in rows if self.table.reading_of(row).verified]


def figures_summary(tables: Sequence[TableComparison]) -> str:
    """How many figures there are, and how many of them were measured, in a sentence."""
    figures = sum(table.figures for table in tables)
    measured = sum(table.measured for table in tables)
    papers = len({table.table.source.id for table in tables})
    return (
        f"{counted(len(tables), 'table')} of {counted(papers, 'paper')}, with "
        f"{counted(figures, 'figure')} that were looked up; {measured} of them measured here"
    )


def published_figures(reports: Path) -> list[TableComparison]:
    """Compares every shipped table of published figures with the reports in a folder; tables with a
    figure that was measured come first. Raises BadInput for a mistake in a file of the registry,
    and for a report that no command wrote.
    """
    ours = published_reports(reports)
    compared = [
        TableComparison(file, tuple(_counterparts(file.table, ours)))
        for file in shipped_published_files()
    ]
    return sorted(compared, key=lambda each: not each.measured)


def _counterparts(
    table: PublishedTable, reports: Sequence[PublishedReport]
) -> list[CounterpartComparison]:
    """The table beside each of its counterparts, those that were measured first."""
    compared = [_beside(table, each, reports) for each in table.counterparts]
    return sorted(compared, key=lambda each: each.report is None)


def _beside(
    table: PublishedTable, counterpart: Counterpart, reports: Sequence[PublishedReport]
) -> CounterpartComparison:
    """The table beside the report of the suite that has most of its figures; of those that have as
    many, beside one with the suite's own budget.
    """
    of_suite = [report for report in reports if report.suite == counterpart.suite]
    compared = [
        CounterpartComparison(counterpart, table, each, _figures(table, counterpart, each))
        for each in of_suite
    ]
    with_any = [each for each in compared if any(figure.measured for figure in each.figures)]
    if not with_any:
        return CounterpartComparison(counterpart, table, None, _figures(table, counterpart, None))
    return max(with_any, key=_preference)


def _preference(comparison: CounterpartComparison) -> tuple[bool, int]:
    whole = comparison.report is not None and not comparison.report.is_trial
    return whole, sum(figure.measured is not None for figure in comparison.figures)


def _figures(
    table: PublishedTable, counterpart: Counterpart, report: PublishedReport | None
) -> tuple[FigureComparison, ...]:
    """The figures of the rows that a model of the suite stands for, column by column."""
    figures = []
    for index, column in enumerate(table.columns):
        dataset = counterpart.dataset or column.dataset
        for row in table.rows:
            if model := row.models.get(counterpart.suite):
                key = dataset, model, column.metric
                measured = report.measured.get(key) if report else None
                same_scale = table.compare == "values"
                figures.append(
                    FigureComparison(row, column, row.values[index], model, measured, same_scale)
                )
    return tuple(figures)


def _order(column: PublishedColumn, figures: Sequence[FigureComparison]) -> OrderAgreement:
    """How the pairs of a column stand; those that the paper prints as equal are left out."""
    kinds: Counter[str] = Counter()
    of_column = [each for each in figures if each.column is column]
    for one, other in combinations(of_column, 2):
        if one.figure is None or other.figure is None or one.figure.value == other.figure.value:
            continue
        if one.measured and other.measured and _seeds(one.measured, other.measured):
            falls = one.figure.value > other.figure.value
            kinds[_pair(one.measured, other.measured, falls, column.factor)] += 1
    return OrderAgreement(column, kinds["same"], kinds["reversed"], kinds["mixed"])


def _pair(one: MeasuredSeeds, other: MeasuredSeeds, falls: bool, factor: float) -> str:
    """Whether one value is above the other, or below, as it should be: in each seed of both."""
    agreements = {
        (factor * one.values[seed] > factor * other.values[seed]) == falls
        for seed in _seeds(one, other)
    }
    if len(agreements) == 1:
        return "same" if agreements.pop() else "reversed"
    return "mixed"


def _seeds(one: MeasuredSeeds, other: MeasuredSeeds) -> set[int]:
    return one.values.keys() & other.values.keys()
