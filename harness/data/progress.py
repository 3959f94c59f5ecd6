"""How far a preparation is, for the person who waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from harness.core.terminal import Console


@contextmanager
def bar(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar for `what` while the block runs, and the function that moves it on by a count.

    It is drawn on stderr where that is a terminal; elsewhere nothing is. Threads may move it.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task(escape(description), total=total)
        yield lambda count: progress.advance(task, count)
