"""`harness forget`, and `harness unlogged`: runs that should leave the boards, writes that wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import options
from harness.cli.tables import print_styled
from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.core.output_folder import OUTPUT
from harness.core.terminal import Console

if TYPE_CHECKING:
    from harness.tracking.collection import StoredRun

SHORT = 12


def forget(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            help="MLflow run ids, or their beginnings, of cells, scored sets or suites (all cells "
            "that it made); or cells, as MODEL@DATASET or MODEL@DATASET#SEED. Without any, those "
            "that are forgotten are listed.",
            metavar="[RUN…]",
            show_default=False,
        ),
    ] = None,
    why: Annotated[str, typer.Option(help="A word on it, kept with the run.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Put the runs back on the boards.")] = False,
    output: options.Output = OUTPUT,
    tracking_uri: options.Tracking = None,
) -> None:
    """Take runs off leaderboards and out of comparisons, such as trials; nothing is deleted.

    They are marked with a tag. Reports of the suites that have them stay as they are, and nothing
    is trained again.

    **Examples**

        harness forget 3f9c1b 77ae02 --why "a trial with a bug"

        harness forget gan/dcgan@digits

        harness forget gan/dcgan@digits --undo

        harness forget
    """
    from harness.tracking import forgotten

    store, console = options.existing_store(tracking_uri, output), Console()
    if not runs:
        found = forgotten.forgotten(store)
        for run in found:
            print_styled(console, f"{_name(run)}, since {run.forgotten}")
        if not found:
            print_styled(console, "No run is forgotten.")
        return
    if undo:
        found = forgotten.unforget(store, runs)
        said = "on the boards again"
    else:
        found = forgotten.forget(store, runs, why)
        said = "forgotten; `harness forget --undo` takes that back"
    for run in found:
        print_styled(console, _name(run))
    print_styled(console, f"{counted(len(found), 'run')} {said}.")


def _name(run: StoredRun) -> str:
    where = f" on {run.dataset}, seed {run.seed}" if run.dataset else ""
    return f"{run.run_id[:SHORT]}  {run.model}{where}"


unlogged = typer.Typer(
    help="Results that the tracking store has not taken, and that wait on this machine.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@unlogged.command("list")
def list_(output: options.Output = OUTPUT, tracking_uri: options.Tracking = None) -> None:
    """List the runs of which results wait to be logged, and those whose results were refused.

    What waits is sent by the next command that opens the store; what was refused is not.

    **Examples**

        harness unlogged list

        harness unlogged list --tracking-uri https://mlflow.example.org
    """
    journal, console = options.journal(tracking_uri, output), Console()
    for run_id, count in journal.counts().items():
        print_styled(console, f"{run_id}  {_writes(count)} waiting")
    for run_id, count in journal.refused.counts().items():
        print_styled(
            console, f"{run_id}  {_writes(count)} refused, in {journal.refused.folder / run_id}"
        )
    if not journal.counts() and not journal.refused.counts():
        print_styled(console, "Nothing waits, and nothing was refused.")


@unlogged.command("drop")
def drop(
    runs: Annotated[
        list[str] | None, typer.Argument(help="Runs, by id or its beginning.", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Of all runs.")] = False,
    output: options.Output = OUTPUT,
    tracking_uri: options.Tracking = None,
) -> None:
    """Delete results that wait or were refused, for good: those of a run that is gone, say.

    **Examples**

        harness unlogged drop 3f9c1b2a

        harness unlogged drop --all
    """
    journal = options.journal(tracking_uri, output)
    known = {**journal.counts(), **journal.refused.counts()}
    if bool(runs) == everything:
        raise BadInput("name runs (`harness unlogged list` has them), or --all of them")
    chosen = dict.fromkeys(known if everything else ())
    for name in runs or ():
        alike = [run_id for run_id in known if run_id.startswith(name)]
        if len(alike) != 1:
            what = (
                f"the beginning of {len(alike)} runs" if alike else "no run with unlogged results"
            )
            raise BadInput(f"{name!r} is {what}")
        chosen[alike[0]] = None
    count = sum(journal.drop(run_id) + journal.refused.drop(run_id) for run_id in chosen)
    of = counted(len(chosen), "run")
    print_styled(Console(), f"{_writes(count)} of {of} dropped.")


def _writes(count: int) -> str:
    return counted(count, "result")
