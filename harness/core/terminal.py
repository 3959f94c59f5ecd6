"""What is printed: text of a user's files cannot command the terminal.

Titles, file names and error texts come from suites and archives that others wrote. Whatever the
commands print goes through here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import rich.console
import typer
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from harness.core.printable import printable

PACKAGE = Path(__file__).parents[1]


class Console(rich.console.Console):
    """rich's console, which prints control characters of texts as escapes."""

    def render_str(self, text: str, **options: Any) -> Text:
        """As rich's, of the text made printable: before a table finds its widths."""
        return super().render_str(printable(text, keep="\n\t"), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """As rich's, for what is no plain string."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(printable(text, keep="\n"), style)


def show_warnings_plainly() -> None:
    """From now on warnings are printed as other texts are: they name files, too. One of the harness
    is a line that names no place in its code.
    """
    whole = warnings.formatwarning

    def plain(
        message: Warning | str, category: type[Warning], filename: str, *place: Any, **options: Any
    ) -> str:
        if category is UserWarning and Path(filename).is_relative_to(PACKAGE):
            return printable(f"harness: {message}") + "\n"
        return printable(whole(message, category, filename, *place, **options), keep="\n")

    warnings.formatwarning = plain


def echo(text: str, *, err: bool = False) -> None:
    """Print a line, as it is but for control characters."""
    typer.echo(printable(text, keep="\n\t"), err=err)


def echo_row(cells: Iterable[str], *, err: bool = False) -> None:
    """Print a row of tab-separated values; a tab or a line break in one is an escape."""
    typer.echo("\t".join(map(printable, cells)), err=err)
