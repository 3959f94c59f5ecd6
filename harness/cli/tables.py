"""Tables in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from harness.core.terminal import Console

WIDE = 160
"""Columns where no terminal says how many there are."""


def console_beside(*outputs: Path | None) -> Console:
    """The console for what a command says: stderr where one of `outputs` is the standard output,
    which is then that file alone.
    """
    from harness.data.output_files import STDOUT

    return Console(stderr=STDOUT in outputs)


def wide_enough(console: Console) -> None:
    """Where the output goes to a file, lines may be long."""
    if not console.is_terminal:
        console.width = WIDE


def titled(
    console: Console, title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """A table below its title, which may be wider. Rows are markup; title and heads are plain."""
    table = Table()
    for head in heads:
        table.add_column(escape(head), overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print()
    print_styled(console, title, "bold")
    console.print(table)


def print_styled(console: Console, text: str, style: str = "") -> None:
    """A line of text as it is, however long."""
    console.print(escape(text), style=style, highlight=False, soft_wrap=True)
