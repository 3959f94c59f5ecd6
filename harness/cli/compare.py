"""`harness compare`: two or more runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from harness.cli import options
from harness.cli.tables import console_beside, print_styled, titled, wide_enough
from harness.core.output_folder import OUTPUT
from harness.core.terminal import Console

if TYPE_CHECKING:
    from harness.leaderboards.run_comparison import Line, RunComparison

COLOURS = {"better": "green", "worse": "red"}


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            help="MLflow run ids, or their beginnings; or cells, as MODEL@DATASET or "
            "MODEL@DATASET#SEED.",
            metavar="RUN RUN…",
        ),
    ],
    html: Annotated[Path | None, typer.Option(help="Write a page, with pictures.")] = None,
    output: options.Output = OUTPUT,
    tracking_uri: options.Tracking = None,
) -> None:
    """Set runs side by side: what differs in recipe, data, environment and protocol, then numbers.

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

    options.check_output_options([html], store=options.store_file(tracking_uri, output))
    store = options.existing_store(tracking_uri, output)
    found = side_by_side(store, runs)
    console = console_beside(html)
    if not html:
        _show(console, found)
        return
    shown = pages.galleries(found, store)
    write_output(html, pages.runs_html(found, shown, store.name, now()))
    console.print(f"Written: {html}", markup=False, highlight=False, soft_wrap=True)


def _show(console: Console, found: RunComparison) -> None:
    from harness.report.runs import view

    wide_enough(console)
    letters = view.letters(found)
    for letter, side in zip(letters, found.sides, strict=True):
        console.print(
            f"[bold]{letter}[/bold]  {escape(side.name)}  [dim]{side.run.run_id}[/dim]",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
    for section in view.sections(found):
        if not section.differences:
            console.print(f"\n[bold]{section.title}[/bold]  [dim]{section.same}[/dim]")
            continue
        rows = [list(map(escape, (d.name, *d.values))) for d in section.differences]
        titled(console, f"{section.title}: what differs", ["", *letters], rows)
    for notice in view.notices(found):
        print_styled(console, notice, "yellow")
    _numbers(console, found, letters)


def _numbers(console: Console, found: RunComparison, letters: list[str]) -> None:
    against = [f"{letter} against {letters[0]}" for letter in letters[1:]]
    heads = ["metric", *letters, "± over", *against]
    titled(console, "Numbers", heads, [_row(measured) for measured in found.lines])
    for measured in found.lines:
        print_styled(console, measured.protocol.label(), "dim")


def _row(measured: Line) -> list[str]:
    from harness.report import tables
    from harness.report.runs import view

    effects = []
    for effect in measured.effects:
        outcome = effect.versus.outcome if effect.versus else ""
        said = ", ".join(filter(None, (view.effect(effect), view.basis(effect))))
        effects.append(f"[{COLOURS.get(outcome, 'dim')}]{escape(said)}[/]")
    values = [escape(view.value(measured, row)) for row in measured.values]
    return [escape(tables.heading(measured.metric)), *values, view.over(measured), *effects]
