"""`harness forget` and `harness unlogged`: runs taken off the boards, and results that wait to be
logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import option_groups, suite_options
from harness.cli.tables import print_line
from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.core.terminal import Console

if TYPE_CHECKING:
    from harness.tracking import Store
    from harness.tracking.collection import StoredRun

SHORT = 12

Runs = Annotated[
    list[str] | None,
    typer.Argument(
        help="MLflow run ids, or their beginnings, of cells, scored sets or suites (all cells "
        "that it made); or cells, as MODEL@DATASET or MODEL@DATASET#SEED. Without any, those "
        "that are forgotten are listed.",
        metavar="[RUN…]",
        show_default=False,
    ),
]


@option_groups.with_option_groups
def forget(
    results: suite_options.StoreOptions,
    runs: Runs = None,
    why: Annotated[str, typer.Option(help="The reason, kept with the run.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Put the runs back on the boards.")] = False,
) -> None:
    """Take runs off leaderboards and comparisons, such as trials; nothing is deleted.

    They are marked with a tag. Reports of the suites that have them stay as they are, and nothing
    is trained again.

    **Examples**

        harness forget 3f9c1b 77ae02 --why "a trial with a bug"

        harness forget gan/dcgan@digits

        harness forget gan/dcgan@digits --undo

        harness forget
    """
    from harness.tracking import forgotten

    store, console = results.open_existing(), Console()
    if not runs:
        _list_forgotten(console, store)
        return
    changed = forgotten.unforget(store, runs) if undo else forgotten.forget(store, runs, why)
    state = "on the boards again" if undo else "forgotten; `harness forget --undo` takes that back"
    for run in changed:
        print_line(console, _name(run))
    print_line(console, f"{counted(len(changed), 'run')} {state}.")


def _list_forgotten(console: Console, store: Store) -> None:
    from harness.tracking.forgotten import forgotten

    runs = forgotten(store)
    for run in runs:
        print_line(console, f"{_name(run)}, since {run.forgotten}")
    if not runs:
        print_line(console, "No run is forgotten.")


def _name(run: StoredRun) -> str:
    where = f" on {run.dataset}, seed {run.seed}" if run.dataset else ""
    return f"{run.run_id[:SHORT]}  {run.model}{where}"


unlogged = typer.Typer(
    help="List or drop results that wait to be logged to the tracking store.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@unlogged.command("list")
@option_groups.with_option_groups
def list_(results: suite_options.StoreOptions) -> None:
    """List runs whose results wait to be logged, or were refused.

    What waits is sent by the next command that opens the store; what was refused is not.

    **Examples**

        harness unlogged list

        harness unlogged list --tracking-uri https://mlflow.example.org
    """
    journal, console = results.journal(), Console()
    for run_id, count in journal.counts().items():
        print_line(console, f"{run_id}  {_writes(count)} waiting")
    for run_id, count in journal.refused.counts().items():
        print_line(
            console, f"{run_id}  {_writes(count)} refused, in {journal.refused.folder / run_id}"
        )
    if not journal.counts() and not journal.refused.counts():
        print_line(console, "Nothing waits, and nothing was refused.")


@unlogged.command("drop")
@option_groups.with_option_groups
def drop(
    results: suite_options.StoreOptions,
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN…]", help="Runs, by id or its beginning.", show_default=False),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Drop the results of all runs.")
    ] = False,
) -> None:
    """Delete results that wait or were refused, for good, such as the results of a deleted run.

    **Examples**

        harness unlogged drop 3f9c1b2a

        harness unlogged drop --all
    """
    journal = results.journal()
    unlogged_runs = {**journal.counts(), **journal.refused.counts()}
    if bool(runs) == everything:
        raise BadInput("name runs (`harness unlogged list` has them), or --all of them")
    dropped = dict.fromkeys(unlogged_runs if everything else ())
    for name in runs or ():
        alike = [run_id for run_id in unlogged_runs if run_id.startswith(name)]
        if len(alike) != 1:
            several = f"the beginning of {len(alike)} runs"
            raise BadInput(f"{name!r} is {several if alike else 'no run with unlogged results'}")
        dropped[alike[0]] = None
    count = sum(journal.drop(run_id) + journal.refused.drop(run_id) for run_id in dropped)
    of = counted(len(dropped), "run")
    print_line(Console(), f"{_writes(count)} of {of} dropped.")


def _writes(count: int) -> str:
    return counted(count, "result")
