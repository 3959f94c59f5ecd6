"""Tables and lines for a terminal, and tab-separated lines for everything else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from harness.core.terminal import Console, echo_row

WIDE = 160
"""Columns where no terminal says how many there are."""


def console_beside(*outputs: Path | None) -> Console:
    """The console for messages: stderr where one of `outputs` is the standard output, which then
    has that file alone.
    """
    from harness.data.output_files import STDOUT

    return Console(stderr=STDOUT in outputs)


def widen_unless_terminal(console: Console) -> None:
    """Allow long lines where the output goes to a file."""
    if not console.is_terminal:
        console.width = WIDE


def print_line(console: Console, text: str, style: str = "") -> None:
    """Print a text as it is on one line, however long: no markup is read in it."""
    console.print(escape(text), style=style, highlight=False, soft_wrap=True)


def print_labelled(console: Console, label: str, text: str, style: str) -> None:
    """Print a text after a label, such as `failed:`, that alone is styled."""
    print_markup(console, f"[{style}]{escape(label)}[/] {escape(text)}")


def print_markup(console: Console, markup: str) -> None:
    """Print rich's markup on one line, however long."""
    console.print(markup, highlight=False, soft_wrap=True)


def print_titled_table(
    console: Console, title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """Print a table below its title, which may be wider. Rows are markup; title and heads are
    plain.
    """
    table = Table()
    for head in heads:
        table.add_column(escape(head), overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print()
    print_line(console, title, "bold")
    console.print(table)


def print_rows(console: Console, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print plain texts as a table in a terminal, and as tab-separated lines elsewhere."""
    if not console.is_terminal:
        for row in (heads, *rows):
            echo_row(row, err=console.stderr)
        return
    table = Table(*map(escape, heads))
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)
