"""The `harness` command. A verb imports what it needs when it is called, so that help is quick."""

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
    detect,
    export,
    extractor,
    failures,
    forget,
    gate,
    inspect,
    leaderboard,
    metrics,
    reconcile,
    report,
    run,
    safety,
    score,
    site,
    streams,
    vote,
)
from harness.cli.arguments import check_no_empty
from harness.core.terminal import echo, show_warnings_plainly

YOUNG = 100_000
"""The number of new objects after which Python collects garbage."""


app = typer.Typer(
    name="harness",
    help="Benchmark and evaluate generative vision models: train, measure, compare, decide claims.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        echo(f"harness {harness.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", help="Print the version.", callback=_print_version, is_eager=True
    ),
    debug: bool = typer.Option(
        False, failures.DEBUG, help="Print the traceback of an error; may stand anywhere."
    ),
) -> None:
    pass


SUITES, RESULTS, IMAGES, LOOK = "Suites", "Results", "Images and people", "What there is"
"""The headings of the verbs in the help."""

app.command("run", rich_help_panel=SUITES)(run.run)
app.command("plan", rich_help_panel=SUITES)(inspect.plan)
app.command("report", rich_help_panel=SUITES)(report.report)
app.command("claims", rich_help_panel=SUITES)(claims.claims)
app.command("check", rich_help_panel=SUITES)(gate.check)
app.add_typer(gate.app, name="baseline", rich_help_panel=SUITES)
app.command("validate", rich_help_panel=SUITES)(inspect.validate)
app.command("leaderboard", rich_help_panel=RESULTS)(leaderboard.leaderboard)
app.command("compare", rich_help_panel=RESULTS)(compare.compare)
app.command("forget", rich_help_panel=RESULTS)(forget.forget)
app.add_typer(forget.unlogged, name="unlogged", rich_help_panel=RESULTS)
app.command("ledger", rich_help_panel=RESULTS)(claims.ledger)
app.command("site", rich_help_panel=RESULTS)(site.site)
app.command("export", rich_help_panel=RESULTS)(export.export)
app.command("badge", rich_help_panel=RESULTS)(export.badge)
app.command("score", rich_help_panel=IMAGES)(score.score)
app.command("reconcile", rich_help_panel=IMAGES)(reconcile.reconcile)
app.add_typer(vote.app, name="vote", rich_help_panel=IMAGES)
app.add_typer(safety.watermark, name="watermark", rich_help_panel=IMAGES)
app.command("copies", rich_help_panel=IMAGES)(safety.copies)
app.command("detect", rich_help_panel=IMAGES)(detect.detect_generated)
app.command("list", rich_help_panel=LOOK)(inspect.list_)
app.add_typer(data.app, name="data", rich_help_panel=LOOK)
app.add_typer(metrics.app, name="metrics", rich_help_panel=LOOK)
app.add_typer(extractor.app, name="extractor", rich_help_panel=LOOK)
app.command("schema", rich_help_panel=LOOK)(inspect.schema)


def main() -> None:
    """Run the command. An error is one line on stderr, and an exit code that says its kind."""
    # What is imported stays. To look through it for garbage, again and again while more is
    # imported, takes a fifth of the start of most verbs; and once more at the end, two seconds.
    gc.set_threshold(YOUNG)
    atexit.register(gc.freeze)
    streams.replace_what_cannot_be_shown()
    show_warnings_plainly()
    arguments, debug = failures.without_debug(sys.argv[1:])
    try:
        try:
            check_no_empty(arguments)
            app(arguments)
        finally:
            sys.stdout.flush()
    except SystemExit as ended:
        if (accident := failures.accident(ended)) is None:
            raise
        sys.exit(failures.end(accident, debug))
    except Exception as error:
        sys.exit(failures.end(error, debug))
