"""What a person sees while a suite runs: bars in a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Self

from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from harness.cli.forecast import TimeLeft
from harness.cli.tables import print_line
from harness.core.counting import counted
from harness.core.terminal import Console

if TYPE_CHECKING:
    from harness.cell.site import CellEvent, CellOutcome
    from harness.plan import Cell


def format_seconds(seconds: float | None) -> str:
    """`75` → `1:15`; nothing known → `–`."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _state(outcome: CellOutcome) -> str:
    if outcome.stopped:
        return "stopped"
    return "failed" if outcome.failures else "diverged" if outcome.diverged else "done"


class Display:
    """Listens to events and outcomes; knows how much time is left."""

    def __init__(self, console: Console, cells: Sequence[Cell], jobs: int) -> None:
        self.console = console
        self.total = len(cells)
        self.ended = 0
        self.left = TimeLeft(cells, jobs)
        self._begun: dict[str, float] = {}
        self._lock = threading.Lock()  # events come from another thread than outcomes

    def listen(self, event: CellEvent) -> None:
        """Takes an event of a cell."""
        with self._lock:
            if event.cell not in self._begun:
                self._begun[event.cell] = time.monotonic()
                self.begin(event)
            self.left.hear(event)
            self.show(event)

    def end(self, outcome: CellOutcome) -> None:
        """A cell ended."""
        with self._lock:
            self.ended += 1
            self.left.end(outcome.cell)
            took = format_seconds(
                time.monotonic() - self._begun.pop(outcome.cell, time.monotonic())
            )
            state = _state(outcome)
            self.close(outcome.cell, state)
            line = f"[{self.ended}/{self.total}] {outcome.cell}: {state} in {took}"
            left = self.left.suite()
            more = f", {format_seconds(left)} left" if left and self.ended < self.total else ""
            print_line(self.console, line + more)

    def begin(self, event: CellEvent) -> None:
        """Called at the first event of a cell."""

    def show(self, event: CellEvent) -> None:
        """Shows the progress of a cell."""

    def close(self, cell: str, state: str) -> None:
        """A cell ended."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the terminal as it was."""


class Lines(Display):
    """For logs: a line when a cell begins, one when it begins to train, and one when it ends."""

    def __init__(self, console: Console, cells: Sequence[Cell], jobs: int) -> None:
        super().__init__(console, cells, jobs)
        self._training: set[str] = set()

    def begin(self, event: CellEvent) -> None:
        """Called at the first event of a cell."""
        if event.stage != "training":
            self._say(event)

    def show(self, event: CellEvent) -> None:
        """Shows the progress of a cell."""
        if event.stage == "training" and event.cell not in self._training:
            self._training.add(event.cell)
            self._say(event)

    def _say(self, event: CellEvent) -> None:
        print_line(self.console, f"      {event.cell}: {event.stage}")


class Bars(Display):
    """For terminals: a bar for the suite, and one for each cell that runs."""

    def __init__(self, console: Console, cells: Sequence[Cell], jobs: int) -> None:
        super().__init__(console, cells, jobs)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[stage]}", style="dim"),
            TextColumn("{task.fields[left]} left", style="cyan"),
            console=console,
            transient=True,
        )
        self._suite = self._add("suite", self.total, "cells")
        self._cells: dict[str, TaskID] = {}

    def _add(self, name: str, total: int, stage: str) -> TaskID:
        return self._progress.add_task(escape(name), total=total, stage=stage, left="–")

    def show(self, event: CellEvent) -> None:
        """Shows the progress of a cell."""
        if event.cell not in self._cells:
            self._cells[event.cell] = self._add(event.cell, event.total, event.stage)
        self._progress.update(
            self._cells[event.cell],
            completed=event.done,
            total=event.total,
            stage=event.stage,
            left=format_seconds(self.left.cell(event.cell)),
        )
        self._update_suite()

    def close(self, cell: str, state: str) -> None:
        """A cell ended."""
        if cell in self._cells:
            self._progress.remove_task(self._cells.pop(cell))
        self._update_suite()

    def _update_suite(self) -> None:
        self._progress.update(
            self._suite,
            completed=self.ended,
            stage=f"{self.ended}/{counted(self.total, 'cell')}",
            left=format_seconds(self.left.suite()),
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the terminal as it was."""
        self._progress.stop()


def announce_stages(console: Console) -> Callable[[str], None]:
    """Prints what a command does before its cells run, a line for each step."""
    return lambda text: print_line(console, text, "dim")


def progress_display(console: Console, cells: Sequence[Cell], jobs: int) -> Display:
    """Bars where a person watches, lines where a file does."""
    return (Bars if console.is_terminal else Lines)(console, cells, jobs)
