"""`harness run`."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from harness.cli import option_groups, options, streams, suite_options
from harness.cli.progress import announce_stages
from harness.cli.report import show_report
from harness.cli.tables import print_labelled, print_line
from harness.core.counting import counted, counted_of, counted_on
from harness.core.errors import BadInput, TryLater
from harness.core.terminal import Console

if TYPE_CHECKING:
    from harness.cell.site import CellOutcome, Site
    from harness.config.suite import LoadedSuite
    from harness.engine.execute import Engine, Location
    from harness.plan import Cell, Plan
    from harness.report.more_seeds import SeedsOfClaims
    from harness.report.results import Results
    from harness.tracking import Store

UntilDecided = Annotated[
    bool,
    typer.Option("--until-decided", help="Add seeds for claims that are open, up to --max-seeds."),
]
MaxSeeds = Annotated[
    int | None,
    typer.Option("--max-seeds", help="The most seeds of a claim with --until-decided.", min=1),
]

INTERRUPTED, TERMINATED = 130, 143
"""The exit codes of a command that Ctrl-C or SIGTERM ended: 128 + the signal's number."""


@option_groups.with_option_groups
def run(
    chosen: suite_options.SuiteOptions,
    jobs: options.Jobs = None,
    engine: options.EngineName = "local",
    address: options.RayAddress = None,
    checkpoint_seconds: options.CheckpointSeconds = 20.0,
    until_decided: UntilDecided = False,
    max_seeds: MaxSeeds = None,
) -> None:
    """Train and measure what is left of a suite, then write its report.

    Finished work is not done again; a killed run goes on from its last checkpoint. With
    `--until-decided` claims that are still open get more seeds, half as many again each time, and
    each look at them spends a part of alpha.

    **Examples**

        harness run quickstart

        harness run quickstart --seeds 0-4

        harness run quickstart --metrics fid,recall

        harness run modes --until-decided --max-seeds 12

        harness run - < suite.yaml

        harness run cifar10 --budget-scale 0.02 --extractor classifier:cifar10 --device cpu

        harness run mnist --models gan/dcgan,diffusion/ddpm --data-root ~/data

        harness run cifar10 --engine ray --address head:6379 --tracking-uri http://head:5000
    """
    from harness.engine import forkserver

    streams.outlive_readers()
    if engine == "ray":
        chosen = chosen.resolved()
    loaded, console = chosen.load(), Console()
    most = _most_seeds(until_decided, max_seeds, len(loaded.suite.seeds))
    say = announce_stages(console)
    say(f"{loaded.name}: {_extent(loaded)}")
    if engine == "local" and jobs != 1:
        forkserver.start_forkserver()  # beside what this process imports and plans
    chosen.results.check()

    from harness.plan import make_plan
    from harness.report.more_seeds import SeedsOfClaims

    seeds = SeedsOfClaims(loaded.suite.seeds, most=most)
    with _place(chosen, loaded, engine, address, jobs) as place:
        plan = make_plan(loaded, place.numerics, chosen.compute.data_root, say)
        say("opening the tracking store, looking for what is finished")
        store = chosen.results.open()
        outcomes, results = carry_out(console, plan, store, place, checkpoint_seconds, seeds)
        for count in seeds.later_looks():
            wider = seeds.widened(results.verdicts, count)
            if wider == seeds or any(outcome.failures for outcome in outcomes):
                break
            seeds = wider
            loaded = replace(chosen, seeds=",".join(map(str, seeds.all))).load()
            plan = make_plan(loaded, place.numerics, chosen.compute.data_root, say)
            plan = replace(plan, cells=seeds.cells(plan))
            outcomes, results = carry_out(console, plan, store, place, checkpoint_seconds, seeds)
    if say_failures(console, outcomes):
        console.print("What failed is tried again by the same command.")
        check_room(outcomes)
        raise typer.Exit(1)


def _most_seeds(until_decided: bool, max_seeds: int | None, seeds: int) -> int | None:
    """The most seeds of a run with --until-decided; None for a run without it."""
    if until_decided and max_seeds is None:
        raise BadInput("--until-decided needs --max-seeds N: the most seeds that a claim may take")
    if max_seeds is not None and not until_decided:
        raise BadInput("--max-seeds goes with --until-decided")
    if max_seeds is not None and max_seeds < seeds:
        raise BadInput(f"--max-seeds {max_seeds}: the suite has {seeds} seeds already")
    return max_seeds


def check_room(outcomes: Sequence[CellOutcome]) -> None:
    """Raises TryLater where cells failed because the disk is full, which says nothing about the
    models.
    """
    reason = os.strerror(errno.ENOSPC)
    if any(reason in failure for outcome in outcomes for failure in outcome.failures):
        raise TryLater(f"cells failed: {reason}; make room, and the same command goes on")


def _extent(loaded: LoadedSuite) -> str:
    """The numbers of models, datasets, seeds and metrics of a suite, in words."""
    suite = loaded.suite
    counts = {
        "model": len(suite.all_entrants()),
        "dataset": len(suite.datasets),
        "seed": len(suite.seeds),
        "metric": len(suite.all_metrics()),
    }
    return ", ".join(counted(count, word) for word, count in counts.items())


def _place(
    chosen: suite_options.SuiteOptions,
    loaded: LoadedSuite,
    engine: str,
    address: str | None,
    jobs: int | None,
) -> AbstractContextManager[Location]:
    """Where cells run."""
    from harness.engine.execute import ThisMachine
    from harness.engine.ray.cluster import join_cluster

    if engine == "local":
        return nullcontext(ThisMachine(chosen.numerics(loaded), chosen.compute.device, jobs))
    if jobs:
        raise BadInput("--jobs goes with --engine local: a Ray cluster runs as many as it can")
    if not (chosen.results.tracking_uri or "").startswith(("http://", "https://")):
        raise BadInput(
            "--engine ray needs an MLflow server that every node can reach; start one with `mlflow"
            " server --host 0.0.0.0 --port 5000 --backend-store-uri sqlite:///mlflow.db"
            " --artifacts-destination ./mlartifacts`, and name it with --tracking-uri"
            " http://HOST:5000: see docs/scaling.md"
        )
    return join_cluster(address, chosen.compute.device, chosen.processes, loaded.suite.accelerate)


def carry_out(
    console: Console,
    plan: Plan,
    store: Store,
    place: Location,
    checkpoint_seconds: float,
    seeds: SeedsOfClaims | None = None,
) -> tuple[list[CellOutcome], Results]:
    """Run what is left of a plan and write its report; `seeds` are the seeds of claims that have
    more than the suite's. Ends the command where it was stopped.
    """
    from harness.engine.cell_scheduler import memory_needs
    from harness.engine.estimate import last_estimate
    from harness.engine.execute import open_site, run_ids, unfinished_cells
    from harness.plan.declarations import declare
    from harness.plan.family_trial import try_planned
    from harness.plan.selftests import run_missing_selftests
    from harness.report.looks import declare_most
    from harness.report.publish import publish
    from harness.report.uris import browse

    records = plan.records(store)
    store.settle(run_ids(plan, store, records))  # or it would be done again
    todo, estimate = unfinished_cells(plan, records), last_estimate(plan, store)
    try_planned(plan, todo)
    engine = place.engine(
        plan, todo, store, memory_needs(plan.cells, records, estimate.costs if estimate else {})
    )
    _announce(console, plan, len(todo), engine, place.notes)
    site = open_site(plan, store, store.folder, checkpoint_seconds)
    declare(plan, store, site.parent, records)
    if seeds and seeds.most:
        declare_most(plan, store, site.parent, seeds.most)
    run_missing_selftests(plan, store, lambda text: print_line(console, text))
    _say_withheld(console, plan, store)
    began = time.monotonic()
    outcomes = _run_cells(console, todo, engine, site, store)
    took = time.monotonic() - began
    store.connect()  # results that the store did not take while cells ran
    store.settle([*run_ids(plan, store, plan.records(store)), site.parent])
    if estimate and todo and not any(outcome.failures for outcome in outcomes):
        expected = estimate.seconds(todo, records, engine.jobs, engine.spare)
        _say_how_good(console, store, site.parent, expected, took)
    results, page = publish(plan, store, store.folder, site.parent, seeds)
    show_report(console, results, page)
    if store.local:
        print_line(console, f"Runs:   {browse(store)}")
    return outcomes, results


def _say_withheld(console: Console, plan: Plan, store: Store) -> None:
    """Prints which claims will have no verdict, since their metrics fail the self-test."""
    from harness.claims.fooled import withheld_lines
    from harness.plan.selftests import recorded_selftests

    recorded = recorded_selftests(plan, store)
    for line in withheld_lines(plan.loaded.suite.claims, plan.metrics, recorded):
        print_line(console, line)


def _run_cells(
    console: Console, cells: Sequence[Cell], engine: Engine, site: Site, store: Store
) -> list[CellOutcome]:
    """Run the cells, and show how far they are. Ends the command where it was stopped."""
    from harness.cli.progress import progress_display
    from harness.engine.execute import interrupt
    from harness.training import stopping

    try:
        with progress_display(console, cells, engine.jobs) as display:
            outcomes = engine.run(site, display.listen, display.end)
    except KeyboardInterrupt:
        interrupt(cells, site, store)
        _stopped(console, store, site.parent, INTERRUPTED)
    if stopping.requested():
        _stopped(console, store, site.parent, TERMINATED)
    return outcomes


def _say_how_good(
    console: Console, store: Store, parent: str, expected: float | None, took: float
) -> None:
    """Prints and logs the estimated time beside the actual one."""
    from harness.cli.progress import format_seconds

    if expected is not None:
        console.print(
            f"Estimated {format_seconds(expected)}, took {format_seconds(took)}.", highlight=False
        )
        store.log_summary(parent, {"estimated seconds": expected, "wall seconds": took})


def _stopped(console: Console, store: Store, parent: str, code: int) -> NoReturn:
    store.interrupt(parent)
    console.print("Stopped. The same command goes on where this one was.")
    raise typer.Exit(code) from None


def _announce(
    console: Console, plan: Plan, todo: int, engine: Engine, notes: Sequence[str]
) -> None:
    suite, total = plan.loaded.suite, len(plan.cells)
    done = f", {total - todo} finished before" if total > todo else ""
    print_line(console, suite.title, "bold")
    at_a_time = f", {engine.jobs} at a time" if todo > 1 and engine.jobs > 1 else ""
    print_line(
        console,
        f"{counted_of(todo, total, 'cell')} to run{done}{at_a_time}, on {plan.numerics.machine}; "
        f"{counted_on(suite.budgets(), 'training image each', 'training images each')}",
    )
    for note in notes:
        print_line(console, note)
    for claim, reason in plan.loaded.dropped.items():
        print_line(console, f"claim {claim} is left out: {reason}")


def say_failures(console: Console, outcomes: list[CellOutcome]) -> bool:
    """Prints what failed or diverged; returns whether anything failed. Divergence is a result, not
    a failure.
    """
    for outcome in outcomes:
        if outcome.diverged:
            print_line(console, f"diverged: {outcome.cell}: {outcome.diverged}")
    failures = [failure for outcome in outcomes for failure in outcome.failures]
    for failure in failures:
        print_labelled(console, "failed:", failure, "red")
    return bool(failures)
