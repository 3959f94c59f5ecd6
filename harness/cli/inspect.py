"""`harness plan`, `list`, `validate` and `schema`: verbs that look and run nothing."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from harness.cli import option_groups, options, suite_options
from harness.cli.progress import format_seconds
from harness.cli.tables import print_line
from harness.core.counting import counted
from harness.core.terminal import Console, echo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.config.suite_types import Suite
    from harness.engine.estimate import SuiteEstimate
    from harness.engine.execute import Engine
    from harness.plan import Cell, Plan
    from harness.tracking import Record, Store


@option_groups.with_option_groups
def plan(
    chosen: suite_options.SuiteOptions,
    jobs: options.Jobs = None,
    explain: Annotated[
        str | None,
        typer.Option(
            help="Instead list all that the training keys of this model are made from: settings, "
            "data, modules of code, files.",
            autocompletion=options.complete_model,
        ),
    ] = None,
) -> None:
    """Show what a suite would do: cells, time, memory and disk, and which claims it can decide.

    Costs are taken from finished cells of the same model and dataset on such a machine; where there
    are none, a few steps and images are timed. `harness run` prints at its end how good this was.

    **Examples**

        harness plan quickstart

        harness plan cifar10 --budget-scale 0.02 --seeds 0-2

        harness plan quickstart --explain vae/vae
    """
    if explain is not None:
        _explain(chosen.plan(), explain)
    else:
        _estimate(chosen, jobs)


def _explain(plan: Plan, model: str) -> None:
    from harness.plan.ingredients import ingredients

    for name, value in ingredients(plan, model):
        echo(f"{name}: {value}")


def _estimate(chosen: suite_options.SuiteOptions, jobs: int | None) -> None:
    from harness.engine.cell_scheduler import memory_needs
    from harness.engine.estimate import estimate_suite, store_estimate
    from harness.engine.execute import ThisMachine, unfinished_cells
    from harness.plan.family_trial import try_planned

    console = Console()
    planned, store = chosen.plan(), chosen.results.open()
    machine = ThisMachine(planned.numerics, chosen.compute.device, jobs)
    records = planned.records(store)
    todo = unfinished_cells(planned, records)
    try_planned(planned, todo)
    with console.status("Measuring") as status:
        estimate = estimate_suite(todo, planned.datasets, store, status.update)
    needs = memory_needs(planned.cells, records, estimate.costs)
    engine = machine.engine(planned, todo, store, needs)
    _show_cells(console, planned, records, estimate)
    _show_total(console, planned, todo, records, estimate, engine)
    if todo:
        store_estimate(estimate, planned, store)
    _show_claims(console, planned, store)


def _show_cells(
    console: Console, plan: Plan, records: Mapping[str, Record], estimate: SuiteEstimate
) -> None:
    table = Table(title=escape(plan.loaded.suite.title), title_justify="left")
    for heading in ("dataset", "model"):
        table.add_column(heading, overflow="fold")
    for heading in ("done", "to train", "to measure", "memory"):
        table.add_column(heading, justify="right")
    for pair in dict.fromkeys((cell.dataset, cell.model) for cell in plan.cells):
        cells = [cell for cell in plan.cells if (cell.dataset, cell.model) == pair]
        kept = [records.get(cell.training_key) for cell in cells]
        done = sum(c.finished(r) for c, r in zip(cells, kept, strict=True))
        trained = sum(r is not None and r.status in ("trained", "diverged") for r in kept)
        costs = estimate.costs.get(pair)
        left = [len(cells) - trained, len(cells) - done]
        each = [costs.training, costs.evaluation] if costs else [0.0, 0.0]
        table.add_row(
            *map(escape, pair),
            f"{done} of {len(cells)}",
            _times(left[0], each[0]) if cells[0].images else "not trained",
            _times(left[1], each[1]),
            decimal(costs.memory) if costs else "–",
        )
    console.print(table)


def _times(count: int, seconds: float) -> str:
    """`3 × 0:41`: the number of cells, and the time of each."""
    return f"{count} × {format_seconds(seconds)}" if count and seconds else "–"


def _show_total(
    console: Console,
    plan: Plan,
    todo: Sequence[Cell],
    records: Mapping[str, Record],
    estimate: SuiteEstimate,
    engine: Engine,
) -> None:
    jobs = engine.jobs
    seconds = estimate.seconds(todo, records, jobs, engine.spare)
    if not todo or seconds is None:
        console.print("Nothing is left to do.")
        return
    kept, meanwhile = estimate.disk(todo, jobs)
    at_a_time = f"{jobs} at a time" if jobs > 1 else "one at a time"
    print_line(
        console,
        f"About {format_seconds(seconds)} with {at_a_time} on {plan.numerics.machine};"
        f" {decimal(kept)} of disk,"
        f" and {decimal(meanwhile)} more for checkpoints while it runs.",
    )


def _show_claims(console: Console, plan: Plan, store: Store) -> None:
    from harness.claims.decidability import decidable
    from harness.claims.fooled import claims_withheld, missing_text
    from harness.config.members import Members
    from harness.plan.selftests import recorded_selftests

    suite = plan.loaded.suite
    if not suite.claims:
        return
    table = Table("claim", "can be decided", title="Claims", title_justify="left")
    members, selftests = Members(suite), recorded_selftests(plan, store)
    withheld = claims_withheld(suite.claims, plan.metrics, selftests)
    for claim in suite.claims:
        if reason := withheld.get(claim.id):
            table.add_row(escape(claim.id), escape(f"No: {reason}."))
            continue
        where = members.datasets_of(claim)
        verdict = decidable(claim, len(suite.seeds), where, len(suite.claims), plan.metrics)
        table.add_row(escape(claim.id), escape(verdict.sentence))
    console.print(table)
    if text := missing_text(selftests):
        print_line(console, text)


def list_(
    kind: Annotated[
        Literal["suites", "models", "datasets", "metrics", "extractors"] | None,
        typer.Argument(
            metavar="[KIND]",
            help="suites, models, datasets, metrics or extractors. Default: everything.",
        ),
    ] = None,
) -> None:
    """List the suites, models, datasets, metrics and extractors that a suite may name.

    **Examples**

        harness list

        harness list models
    """
    from harness.cli.catalogue import catalogue

    console = Console()
    for name, rows in catalogue(kind).items():
        table = Table("name", "what it is", title=name, title_justify="left", show_header=False)
        for row in rows:
            table.add_row(*(escape(text) for text in row))
        console.print(table)


def validate(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE…", help="Suites, by name or path, or claim files.")
    ],
    trust: Annotated[
        bool, typer.Option("--trust", help="Import code from outside the suites' own folders too.")
    ] = False,
) -> None:
    """Check suites, and every recipe, metric and claim they name, without data or weights.

    Python code that a suite names is imported from the suite's own folder, and from installed
    packages that say they extend the harness; from elsewhere with --trust only.

    A file that has claims only is checked by itself; the models and datasets that it names are
    checked with the suites that include it.

    **Examples**

        harness validate quickstart

        harness validate my-suite.yaml my-claims.yaml
    """
    from harness.claims.fooled import withheld_lines
    from harness.config.claim_files import claims_alone
    from harness.config.suite import load_suite
    from harness.core.user_code import own_folder_only
    from harness.plan import check_suite
    from harness.plan.family_trial import try_checked
    from harness.plan.selftests import shipped_selftests

    for file in files:
        if claims := claims_alone(file):
            echo(f"{file}: valid; {counted(len(claims.claims), 'claim')}")
            continue
        loaded = load_suite(file)
        with nullcontext() if trust else own_folder_only():
            metrics, recipes = check_suite(loaded)
            try_checked(loaded, metrics, recipes)
        echo(f"{file}: valid; {_contents(loaded.suite)}")
        selftests = shipped_selftests(loaded, metrics, recipes)
        for line in withheld_lines(loaded.suite.claims, metrics, selftests):
            echo(f"{file}: {line}")


def _contents(suite: Suite) -> str:
    parts = {
        "dataset": suite.datasets,
        "model": suite.all_models(),
        "metric": suite.all_metrics(),
        "claim": suite.claims,
    }
    return ", ".join(counted(len(part), word) for word, part in parts.items())


def schema(
    kind: Annotated[
        Literal["suite", "recipe", "claims"],
        typer.Argument(metavar="[KIND]", help="suite, recipe or claims."),
    ] = "suite",
) -> None:
    """Print a JSON Schema, by which editors complete and check YAML files.

    **Examples**

        harness schema > suite.schema.json

        harness schema recipe > recipe.schema.json
    """
    from harness.config.schema import claims_schema, recipe_schema, suite_schema

    if kind != "recipe":
        made = suite_schema() if kind == "suite" else claims_schema()
        echo(json.dumps(made, indent=2))
        return
    from harness.families import FAMILIES

    settings = {name: FAMILIES.load(name).Settings for name in FAMILIES.builtin}
    echo(json.dumps(recipe_schema(settings), indent=2))
