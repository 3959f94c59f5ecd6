"""`harness claims` and `harness ledger`: the verdicts of one suite, and the page of all shipped
claims."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from harness.cli import option_groups, options, suite_options
from harness.cli.tables import console_beside, print_line, print_markup
from harness.core.counting import counted
from harness.core.output_folder import PUBLISHED
from harness.core.terminal import Console, echo

if TYPE_CHECKING:
    from harness.claims.verdicts import Verdict, VerdictPart

COLOURS = {"supported": "green", "refuted": "red", "inconclusive": "yellow", "not evaluable": "dim"}


@option_groups.with_option_groups
def claims(
    chosen: suite_options.SuiteOptions,
    json: Annotated[
        Path | None, typer.Option(help="Write the verdicts, their numbers and runs as JSON.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write the verdicts as Markdown, for a paper.")
    ] = None,
) -> None:
    """Decide a suite's claims by the numbers measured so far; runs nothing.

    Exit code 2 where none of them can be evaluated: too few seeds, all cells failed, nothing run.

    **Examples**

        harness claims quickstart

        harness claims quickstart --json verdicts.json --markdown verdicts.md
    """
    from harness.core.errors import BadInput
    from harness.data.output_files import write_output
    from harness.report import page, record
    from harness.report.publish import gather

    loaded = chosen.load()
    chosen.check_outputs(loaded, json, markdown)
    if not loaded.suite.claims:
        left = f": {'; '.join(loaded.dropped.values())}" if loaded.dropped else ""
        raise BadInput(f"{chosen.suite} has no claims{' left' if left else ''}{left}")
    plan, store, records = chosen.measured(loaded)
    results = gather(plan, store, records, with_pictures=False)
    console = console_beside(json, markdown)
    for verdict in results.verdicts:
        _show(console, verdict)
    for path, text in ((json, record.verdicts_json), (markdown, page.claims_markdown)):
        if path:
            write_output(path, text(results))
            print_line(console, f"Written: {path}")
    if all(reasons := [verdict.reason for verdict in results.verdicts]):
        raise loaded.document.error(f"no claim can be evaluated: {reasons[0]}", ("claims",))


def _show(console: Console, verdict: Verdict) -> None:
    claim, colour = verdict.claim, COLOURS[verdict.outcome]
    source = f" [dim]({escape(claim.source)})[/dim]" if claim.source else ""
    print_markup(
        console,
        f"[bold {colour}]{verdict.outcome}[/bold {colour}]  [bold]{escape(claim.id)}[/bold]  "
        f"{escape(claim.statement)}{source}",
    )
    print_line(console, verdict.sentence)
    if verdict.method:
        print_line(console, f"Tested: {verdict.method}.", "dim")
    if verdict.runs:
        console.print(_evidence(verdict))
    console.print()


def _evidence(verdict: Verdict) -> Table:
    table = Table("comparison", "effect and interval", box=None, padding=(0, 2, 0, 0))
    table.add_column("seeds", justify="right")
    table.add_column("runs", overflow="fold")
    for part in verdict.parts:
        runs = " ".join(run[:8] for run in part.runs)
        table.add_row(escape(_title(part)), escape(_effect(part)), str(len(part.blocks)), runs)
    return table


def _title(part: VerdictPart) -> str:
    return f"{part.title}: {part.model} against {part.other}, {part.dataset}"


def _effect(part: VerdictPart) -> str:
    from harness.claims.wording import quantity

    return quantity(part.effect, part.unit) if part.effect else part.problem


def ledger(
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="The page to write.")] = Path(
        "docs/claims.md"
    ),
    reports: Annotated[
        Path, typer.Option(help="The folder of the reports whose verdicts count.")
    ] = PUBLISHED,
) -> None:
    """Write the page of all shipped claims, with their verdicts in published reports.

    **Examples**

        harness ledger docs/claims.md

        harness ledger claims.md --reports /tmp/reports
    """
    from harness.data.output_files import STDOUT, write_output
    from harness.report.ledger import Ledger

    options.check_output_options([file], reports.glob("*/verdicts.json"))
    ledger_ = Ledger.of(reports)
    write_output(file, ledger_.markdown(file.parent))
    decided = sum(bool(ledger_.on(claim)) for shelf in ledger_.shelves for claim in shelf.claims)
    total = sum(len(shelf.claims) for shelf in ledger_.shelves)
    echo(f"{file}: {counted(total, 'claim')}, {decided} with a verdict", err=file == STDOUT)
