"""`harness compare`: two or more runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from harness.cli import option_groups, options, suite_options
from harness.cli.tables import (
    console_beside,
    print_line,
    print_markup,
    print_titled_table,
    widen_unless_terminal,
)
from harness.core.terminal import Console

if TYPE_CHECKING:
    from harness.leaderboards.run_comparison import Line, RunComparison

COLOURS = {"better": "green", "worse": "red"}


@option_groups.with_option_groups
def compare(
    results: suite_options.StoreOptions,
    runs: Annotated[
        list[str],
        typer.Argument(
            help="MLflow run ids, or their beginnings; or cells, as MODEL@DATASET or "
            "MODEL@DATASET#SEED.",
            metavar="RUN RUN…",
        ),
    ],
    html: Annotated[Path | None, typer.Option(help="Write a page, with pictures.")] = None,
) -> None:
    """Show two or more runs side by side: what differs in them, then their numbers.

    Intervals are over the training seeds that the runs' entries have in the store; the first run is
    what the others are compared with.

    **Examples**

        harness compare 3f9c1b 77ae02

        harness compare gan/dcgan@digits vae/vae@digits --html compare.html

        harness compare 'gan/dcgan@digits[unseen=8]#0' 'gan/dcgan@digits[unseen=8]#1'
    """
    from harness.data.output_files import write_output
    from harness.leaderboards.run_comparison import compare_runs as side_by_side
    from harness.report.runs import pages
    from harness.report.templating import now

    options.check_output_options([html], store=results.file())
    store = results.open_existing()
    comparison = side_by_side(store, runs)
    console = console_beside(html)
    if not html:
        _show(console, comparison)
        return
    shown = pages.galleries(comparison, store)
    write_output(html, pages.runs_html(comparison, shown, store.name, now()))
    print_line(console, f"Written: {html}")


def _show(console: Console, comparison: RunComparison) -> None:
    from harness.report.runs import view

    widen_unless_terminal(console)
    letters = view.letters(comparison)
    for letter, side in zip(letters, comparison.sides, strict=True):
        name = f"[bold]{letter}[/bold]  {escape(side.name)}"
        name += "".join(f"  [yellow]{word}[/yellow]" for word in side.marks or ())
        print_markup(console, f"{name}  [dim]{side.run.run_id}[/dim]")
    for section in view.sections(comparison):
        if not section.differences:
            console.print(f"\n[bold]{section.title}[/bold]  [dim]{section.same}[/dim]")
            continue
        rows = [list(map(escape, (d.name, *d.values))) for d in section.differences]
        print_titled_table(console, f"{section.title}: what differs", ["", *letters], rows)
    for notice in view.notices(comparison):
        print_line(console, notice, "yellow")
    _numbers(console, comparison, letters)


def _numbers(console: Console, comparison: RunComparison, letters: list[str]) -> None:
    against = [f"{letter} against {letters[0]}" for letter in letters[1:]]
    heads = ["metric", *letters, "± over", *against]
    print_titled_table(console, "Numbers", heads, [_row(measured) for measured in comparison.lines])
    for measured in comparison.lines:
        print_line(console, measured.protocol.label(), "dim")


def _row(measured: Line) -> list[str]:
    from harness.report import tables
    from harness.report.runs import view

    effects = []
    for effect in measured.effects:
        outcome = effect.versus.outcome if effect.versus else ""
        text = ", ".join(filter(None, (view.effect(effect), view.basis(effect))))
        effects.append(f"[{COLOURS.get(outcome, 'dim')}]{escape(text)}[/]")
    values = [escape(view.value(measured, row)) for row in measured.values]
    return [escape(tables.heading(measured.metric)), *values, view.over(measured), *effects]
