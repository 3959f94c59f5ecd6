"""`harness report`, and what a report says in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from harness.cli import option_groups, results_table, suite_options
from harness.cli.claims import COLOURS
from harness.cli.tables import print_labelled, print_line, print_markup
from harness.core.errors import BadInput
from harness.core.output_folder import PUBLISHED
from harness.core.terminal import Console

if TYPE_CHECKING:
    from harness.claims.verdicts import Verdict
    from harness.report.results import Results


@option_groups.with_optional_suite
def report(
    chosen: suite_options.SuiteOptions,
    publish: Annotated[
        bool, typer.Option("--publish", help=f"Write it into {PUBLISHED}/, to be committed.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--from", help="Write the page of this folder again, from its files."),
    ] = None,
) -> None:
    """Write a suite's report again from what is measured so far; runs nothing.

    What failed is named.
    A report's folder has all that its page is made from: `--from` needs no tracking store.

    **Examples**

        harness report quickstart

        harness report mnist --budget-scale 0.05 --output /tmp/runs

        harness report quickstart --publish

        harness report --from reports/quickstart
    """
    from harness.report.failures import failures

    if bool(chosen.suite) == bool(folder):
        raise BadInput("name either a suite or, with --from, the folder of a report")
    if folder and publish:
        raise BadInput("--from writes into the folder that it reads; leave out --publish")
    results, page = _rewrite(folder) if folder else _from_store(chosen, publish)
    console = Console()
    show_report(console, results, page)
    for failure in failures(results.cells):
        print_labelled(console, f"{failure.status}:", str(failure), "red")


def _answer(console: Console, verdict: Verdict) -> None:
    """Print a claim, what came out, and below that the effect or why there is none."""
    from harness.claims.wording import quantity

    outcome = f"{verdict.outcome:>13} "
    print_labelled(console, outcome, verdict.claim.statement, COLOURS[verdict.outcome])
    effect = verdict.effect and quantity(verdict.effect, verdict.unit)
    if detail := effect or verdict.reason:
        print_line(console, f"{'':>14}{detail}", "dim")


def _rewrite(folder: Path) -> tuple[Results, Path]:
    from harness.report.archive import read_record
    from harness.report.derivation import derive_results
    from harness.report.writer import write_report

    results = derive_results(read_record(folder))
    return results, write_report(results, folder)


def _from_store(chosen: suite_options.SuiteOptions, is_published: bool) -> tuple[Results, Path]:
    from harness.report.publish import publish

    plan, store, _ = chosen.measured()
    return publish(plan, store, PUBLISHED if is_published else chosen.results.output, None)


def show_report(console: Console, results: Results, page: Path) -> None:
    """Print boards, which models are undertrained or overfitted, the answers to the suite's
    questions, and where the page is.
    """
    from harness.statistics.maturity import training_marks

    results_table.show_results(console, results)
    marks = training_marks(results.training)
    if marks:
        console.print()
    for (dataset, model), reasons in marks.items():
        for word, why in reasons.items():
            print_line(console, f"{word}: {model} on {dataset}: {why}")
    if results.verdicts:
        console.print()
    for verdict in results.verdicts:
        _answer(console, verdict)
    print_markup(console, f"\nReport: [bold]{escape(str(page))}[/bold]")
