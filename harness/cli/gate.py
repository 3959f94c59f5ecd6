"""`harness baseline` and `harness check`: the regression gate."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from harness.cli import model_gate, option_groups, options, streams, suite_options
from harness.cli.check_files import CheckFiles
from harness.cli.run import carry_out, say_failures
from harness.cli.score_options import ModelOptions
from harness.cli.tables import console_beside, print_line, widen_unless_terminal
from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.core.terminal import Console, echo

if TYPE_CHECKING:
    from harness.plan import Plan
    from harness.report.checks.words import CheckText
    from harness.tracking import Store

app = typer.Typer(
    help="Save a suite's numbers to a file, for `harness check`.", no_args_is_help=True
)

COLOURS = {
    "regressed": "red",
    "worse before correction": "yellow",
    "improved": "green",
    "inconclusive": "yellow",
    "not comparable": "yellow",
}


@app.callback()
def _root() -> None:
    pass


@app.command("save")
@option_groups.with_option_groups
def save(
    chosen: suite_options.SuiteOptions,
    out: options.Out,
) -> None:
    """Write the numbers of a finished suite to a file, best kept beside the suite in git.

    **Examples**

        harness baseline save quickstart -o baseline.json

        harness baseline save quickstart --seeds 0-9 -o baseline.json
    """
    from harness.data.output_files import write_output
    from harness.regression.baseline import to_json
    from harness.regression.baseline_from_plan import make_baseline
    from harness.statistics.intervals import FEWEST

    loaded = chosen.load()
    chosen.check_outputs(loaded, out)
    plan, _, records = chosen.measured(loaded)
    baseline = make_baseline(plan, plan.results(records), [chosen.results.output])
    write_output(out, to_json(baseline))
    count = len(plan.loaded.suite.seeds)
    console = console_beside(out)
    print_line(
        console,
        f"{out}: {counted(len(baseline.numbers), 'metric')} of models on datasets, "
        f"{counted(count, 'seed')} each",
    )
    if count < FEWEST:
        print_line(
            console, f"Below {FEWEST} seeds, numbers can only be found equal or not decided."
        )


Tolerances = Annotated[
    list[str] | None,
    typer.Option(
        help="How much worse a metric may become: fid=5%, recall=0.02; with --against, how far "
        "images may be from each other: lpips=0.05, psnr=35. Repeatable."
    ),
]


@dataclass(frozen=True)
class RunOptions:
    """Which cells of the suite run before the comparison."""

    run: Annotated[
        bool,
        typer.Option(help="Run what is left of the suite first, or only compare stored results."),
    ] = True
    jobs: options.Jobs = None
    checkpoint_seconds: options.CheckpointSeconds = 20.0


@option_groups.with_option_groups
def check(
    chosen: suite_options.SuiteOptions,
    files: CheckFiles,
    pairs: model_gate.PairOptions,
    drawing: ModelOptions,
    running: RunOptions,
    baseline: Annotated[
        Path | None, typer.Option(help="The file that `harness baseline save` wrote.")
    ] = None,
    tolerance: Tolerances = None,
) -> None:
    """Say whether a suite got worse since its baseline, or a model differs from another one.

    A suite is compared with its baseline, after what is left of it has run. With --against, SUITE
    is a model that is trained already: both draw images from the same noise.

    Exit codes: 0 no regression, 1 regression, 2 bad input, 3 nothing comparable, 4 inconclusive.

    **Examples**

        harness check quickstart --baseline baseline.json

        harness check quickstart --baseline baseline.json --metrics fid,mse --tolerance fid=5%

        harness check quickstart --baseline baseline.json --junit check.xml --no-run

        harness check quantised.pt2 --against model.pt2 -n 200 --page pairs.html

        harness check my-pipeline/ --against hf:OWNER/NAME --prompts prompts.txt
    """
    if pairs.against:
        if baseline or files.junit or running != RunOptions():
            raise BadInput(
                "--baseline, --junit, --jobs and --no-run are for suites, and with --against a "
                "model is checked"
            )
        request = model_gate.ModelCheckRequest(
            chosen, pairs, drawing, files.markdown, options.words(tolerance) or []
        )
        model_gate.check_against_model(request)
    model_gate.refuse_options_of_models(pairs, drawing)
    if baseline is None:
        raise BadInput("give --baseline FILE to check a suite, or --against MODEL to check a model")
    _check_suite(chosen, files, running, baseline, options.words(tolerance) or [])


def _check_suite(
    chosen: suite_options.SuiteOptions,
    files: CheckFiles,
    running: RunOptions,
    baseline: Path,
    tolerances: list[str],
) -> None:
    """Compare the suite with its baseline, show and write what came out, and exit."""
    from harness.engine import forkserver

    streams.outlive_readers()
    if running.run and running.jobs != 1:
        forkserver.start_forkserver()  # beside what this process imports and plans

    from harness.regression.baseline import load_baseline
    from harness.regression.gate import open_gate
    from harness.regression.provenance import alterations
    from harness.regression.tolerance import parse_tolerances
    from harness.report.checks.words import CheckText

    began = time.monotonic()
    saved, loaded = load_baseline(baseline), chosen.load()
    chosen.check_outputs(loaded, files.junit, files.markdown, beside=baseline)
    plan = chosen.plan(loaded)
    gate = open_gate(saved, plan, parse_tolerances(tolerances, plan.metrics))
    console, store = console_beside(files.junit, files.markdown), chosen.results.open()
    if running.run and gate.comparable:
        _run_rest(console, plan, store, chosen.compute.device, running)
    results = plan.results(plan.records(store))
    words = CheckText(gate.check(results), plan.metrics, tuple(alterations(saved, plan)))
    files.write(words, time.monotonic() - began)
    _show(console, words)
    raise typer.Exit(words.check.exit_code)


def _run_rest(console: Console, plan: Plan, store: Store, device: str, running: RunOptions) -> None:
    from harness.engine.execute import ThisMachine, unfinished

    if unfinished(plan, store):
        machine = ThisMachine(plan.numerics, device, running.jobs)
        seconds = running.checkpoint_seconds
        say_failures(console, carry_out(console, plan, store, machine, seconds)[0])
        console.print()


def _show(console: Console, words: CheckText) -> None:
    """The table, the notes and the summary; for GitHub Actions, its annotations as well."""
    from harness.report.checks.annotations import workflow_commands
    from harness.report.checks.words import HEADINGS, NUMBERS

    widen_unless_terminal(console)
    table = Table(title=f"{escape(words.check.suite)} against its baseline", title_justify="left")
    for heading in HEADINGS:
        justify: Literal["right", "left"] = "right" if heading in NUMBERS else "left"
        table.add_column(heading, justify=justify, overflow="fold")
    for change in words.check.changes:
        *cells, outcome = map(escape, words.row(change))
        colour = COLOURS.get(change.outcome, "dim")
        table.add_row(*cells, f"[{colour}]{outcome}[/{colour}]")
    if words.check.changes:
        console.print(table)
    for note in words.notes():
        print_line(console, note)
    print_line(console, words.summary(), "bold")
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in workflow_commands(words):
            echo(line)
