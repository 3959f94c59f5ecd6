"""A published table beside each suite that measures the same here, and how they differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.config.published import PublishedFile
from harness.config.published_types import Counterpart, PublishedRow, PublishedTable
from harness.core.counting import counted, counted_of
from harness.report.figure_comparison import NOT_MEASURED, FigureComparison
from harness.report.measured_seeds import PublishedReport
from harness.report.order_agreement import OrderAgreement, order_agreement

SPREADS = {
    "none stated": "the source states no spread",
    "not looked up": "what spread the source states was not looked up",
}
"""The words for a table that has no ± to compare with."""


@dataclass(frozen=True)
class CounterpartComparison:
    """A table beside one suite of ours. `report` is the one that it is compared with; None where
    none has a figure of it.
    """

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
        agreements = (order_agreement(column, self.figures) for column in self.table.columns)
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
