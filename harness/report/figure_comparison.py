"""A published figure beside ours: both as they are printed, and the gap."""

from __future__ import annotations

from dataclasses import dataclass

from harness.config.published_types import PublishedColumn, PublishedFigure, PublishedRow
from harness.core.counting import counted
from harness.report.measured_seeds import MeasuredSeeds
from harness.statistics.formatting import decimals, number

NOT_LOOKED_UP = "not looked up"
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class FigureComparison:
    """A published figure beside the mean over seeds of our measurements of it. `figure` is None
    where it was not looked up, `measured` where no report has it.
    """

    row: PublishedRow
    column: PublishedColumn
    figure: PublishedFigure | None
    model: str
    """The recipe that stands for the row."""
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
            return NOT_MEASURED
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

    @property
    def within_text(self) -> str:
        """`within` in a cell of a table."""
        return {True: "yes", False: "no", None: "–"}[self.within]

    def _places(self, spread: float | None) -> int | None:
        """The decimals of the figure; where scales differ, those that give the spread two digits.
        Where there is neither, None.
        """
        if self.figure and self.same_scale:
            return self.figure.places
        return decimals(spread) if spread else None
