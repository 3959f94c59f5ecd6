"""The `harness` command. A verb imports what it needs when it is called: help is quick."""

from __future__ import annotations

import atexit
import gc
import sys

import typer

import harness
from harness.cli import (
    claims,
    compare,
    data,
    extractor,
    failures,
    forget,
    gate,
    inspect,
    leaderboard,
    metrics,
    report,
    run,
    score,
    streams,
    vote,
)
from harness.cli.arguments import check_given
from harness.core.terminal import echo, show_warnings_plainly

YOUNG = 100_000
"""New objects after which Python looks for garbage among them."""


app = typer.Typer(
    name="harness",
    help="Benchmark and evaluate generative vision models: train, measure, compare, decide claims.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        echo(f"harness {harness.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", help="Print the version.", callback=_version, is_eager=True
    ),
    debug: bool = typer.Option(
        False, failures.DEBUG, help="Print the traceback of what ends a command, anywhere in it."
    ),
) -> None:
    pass


app.command("run")(run.run)
app.command("report")(report.report)
app.command("leaderboard")(leaderboard.leaderboard)
app.command("compare")(compare.compare)
app.command("forget")(forget.forget)
app.command("claims")(claims.claims)
app.command("ledger")(claims.ledger)
app.command("check")(gate.check)
app.command("score")(score.score)
app.command("plan")(inspect.plan)
app.command("list")(inspect.list_)
app.command("validate")(inspect.validate)
app.command("schema")(inspect.schema)
app.add_typer(gate.app, name="baseline")
app.add_typer(data.app, name="data")
app.add_typer(extractor.app, name="extractor")
app.add_typer(metrics.app, name="metrics")
app.add_typer(vote.app, name="vote")
app.add_typer(forget.unlogged, name="unlogged")


def main() -> None:
    """Run the command. Whatever ends it is one line on stderr and an exit code of its kind."""
    # What is imported stays. To look through it for garbage, again and again while more is
    # imported, takes a fifth of the start of most verbs; and once more at the end, two seconds.
    gc.set_threshold(YOUNG)
    atexit.register(gc.freeze)
    streams.replace_what_cannot_be_shown()
    show_warnings_plainly()
    arguments, debug = failures.without_debug(sys.argv[1:])
    try:
        try:
            check_given(arguments)
            app(arguments)
        finally:
            sys.stdout.flush()
    except SystemExit as ended:
        if (accident := failures.accident(ended)) is None:
            raise
        sys.exit(failures.end(accident, debug))
    except Exception as error:
        sys.exit(failures.end(error, debug))
