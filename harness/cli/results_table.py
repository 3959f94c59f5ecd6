"""What a suite's run came to, as tables that fit into a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from harness.cli.tables import print_line

if TYPE_CHECKING:
    from harness.core.terminal import Console
    from harness.leaderboards.board import Board
    from harness.report.results import Results

WIDEST = 18
"""Columns of a model's name or number; longer ones are folded."""
GAP = 2


def show_results(console: Console, results: Results) -> None:
    """A table for each dataset: metrics below each other, models beside each other."""
    from harness.report import tables

    marked = False
    by_dataset: dict[str, list[Board]] = {}
    for board in results.boards:
        if not board.apart:
            by_dataset.setdefault(board.dataset, []).append(board)
    for dataset, boards in by_dataset.items():
        models = list(dict.fromkeys(row.model for board in boards for row in board.rows))
        shown = [board for board in boards if tables.applicable_models(board, models)]
        rows = [_row(board, models, results) for board in shown]
        marked = marked or any("*" in cell for row in rows for cell in row)
        if shown:
            console.print()
            print_line(console, f"{dataset}: means over training seeds", "bold")
        for first, last in _blocks(models, rows, console.width):
            console.print(
                _table(models[first:last], [[r[0], *r[first + 1 : last + 1]] for r in rows])
            )
    if marked:
        print_line(console, "* first tier: not told apart from the best", "dim")


def _row(board: Board, models: Sequence[str], results: Results) -> list[str]:
    from harness.report import tables

    metric = results.metrics[board.metric]
    cells = [tables.cell(board, metric, model, {}) for model in models]
    texts = [
        ", ".join(filter(None, (cell.text + " *" * cell.best, cell.problems))) for cell in cells
    ]
    unit = f" ({metric.unit})" if metric.unit else ""
    return [f"{metric.name}{unit} {tables.arrow(metric)}", *texts]


def _blocks(
    models: Sequence[str], rows: Sequence[Sequence[str]], width: int
) -> Iterator[tuple[int, int]]:
    """The models in groups that fit beside each other."""
    head = max((len(row[0]) for row in rows), default=0)
    first, used = 0, head
    for index, model in enumerate(models):
        longest = max(len(model), *(len(row[index + 1]) for row in rows)) if rows else 0
        needed = min(longest, WIDEST) + GAP
        if index > first and used + needed > width:
            yield first, index
            first, used = index, head
        used += needed
    if rows:
        yield first, len(models)


def _table(models: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    table.add_column("", no_wrap=True)
    for model in models:
        table.add_column(escape(model), justify="right", overflow="fold", max_width=WIDEST)
    for row in rows:
        table.add_row(*map(escape, row))
    return table
