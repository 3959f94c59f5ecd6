"""`harness metrics selftest`: which metric notices what, before its numbers are believed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from harness.cli import option_groups, options, suite_options
from harness.cli.tables import console_beside, print_line
from harness.core.counting import counted
from harness.core.terminal import Console, echo_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from harness.data.base import Dataset
    from harness.metrics.base import Metric
    from harness.selftest.outcomes import SelftestRun
    from harness.training.numerics import Numerics

app = typer.Typer(
    help="Test which metrics notice known disturbances of real images.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

MARKS = {"passes": "✓", "fooled": "✗", "not asked": "·", "no value": "?", "not applicable": "–"}
COLOURS = {"✓": "green", "✗": "red", "·": "dim", "?": "yellow", "–": "dim"}
WIDE = 110
"""Columns of a terminal in which all disturbances have room beside each other."""

SelftestExtractor = Annotated[
    str | None, typer.Option(help="Feature network; the dataset's if not said.")
]
SelftestMetrics = Annotated[
    list[str] | None,
    typer.Option(help="Only these; all that sets of images suffice for if not said."),
]
SelftestFile = Annotated[
    Path | None, typer.Option("--json", help="Write the table to this file too.")
]


@app.callback()
def _root() -> None:
    pass


@app.command()
@option_groups.with_option_groups
def selftest(
    compute: suite_options.ComputeOptions,
    results: suite_options.StoreOptions,
    dataset: Annotated[str, typer.Option(help="Whose images are disturbed, e.g. digits.")],
    extractor: SelftestExtractor = None,
    metrics: SelftestMetrics = None,
    json_file: SelftestFile = None,
) -> None:
    """Disturb real images in known ways, and see which metrics notice.

    A metric that fails is a result: the exit code is 0, and reports of suites on the dataset mark
    the metric. The outcome is kept in the tracking store, in the experiment “selftests”.

    **Examples**

        harness metrics selftest --dataset digits

        harness metrics selftest --dataset cifar10 --extractor inception --metrics fid,kid,is

        harness metrics selftest --dataset mnist --json mnist.json
    """
    from harness.data import load_dataset
    from harness.metrics import load_metric
    from harness.scoring.document import write_json
    from harness.selftest.outcomes import save_selftest
    from harness.training.numerics import Numerics

    # One thread: what is kept of the outcome then does not depend on the number of cores.
    numerics = Numerics.resolve(compute.device)
    options.check_output_options([json_file], [dataset], compute.data_root, results.file())
    chosen = [load_metric(name) for name in dict.fromkeys(options.words(metrics) or ())]
    images = load_dataset(dataset, compute.data_root)
    console = console_beside(json_file)
    tested, table = _test(console, images, extractor or images.card.extractor, chosen, numerics)
    named = chosen or [load_metric(name) for name in table["metric"].unique()]
    _show(console, tested, table)
    if json_file:
        write_json(_document(tested, table, named), json_file)
    store = results.open()
    run = save_selftest(store, tested, table, named)
    print_line(console, f"Run: {run} in {store.name}")
    _say_failures(console, table)


def _test(
    console: Console, images: Dataset, extractor: str, metrics: list[Metric], numerics: Numerics
) -> tuple[SelftestRun, pd.DataFrame]:
    from harness.plan.setup import load_checked
    from harness.selftest.outcomes import SelftestRun
    from harness.selftest.run import run_selftest, set_size

    network = load_checked("extractor", extractor, (images.channels, images.size, images.size))
    tested = SelftestRun(
        images.name, images.digest, network.label, network.preprocessing, set_size(images)
    )
    with console.status("disturbing and measuring"):
        device = str(numerics.apply())
        table = run_selftest(
            images, extractor, metrics or None, device=device, perceptual=images.card.perceptual
        )
    return tested, table


def _show(console: Console, tested: SelftestRun, table: pd.DataFrame) -> None:
    from harness.selftest.disturbances import BOUND, HEADINGS

    console.print(
        escape(
            f"{tested.dataset} with {tested.extractor}, "
            f"{counted(tested.images, 'image')} a set. Effects in "
            "standard deviations of undisturbed values, positive for worse (for higher where no "
            f"side is better); beyond {BOUND:.1f} is more than chance. ✓ as it must be, ✗ not, "
            "· not asked, ? no value, – not applicable."
        ),
        highlight=False,
        soft_wrap=not console.is_terminal,
    )
    rows = {str(name): _cells(group) for name, group in table.groupby("metric", sort=False)}
    if not console.is_terminal:
        echo_row(["metric", *HEADINGS])
        for name, cells in rows.items():
            echo_row([name, *cells])
        return
    headings = list(HEADINGS.values())
    # All side by side take more than a hundred columns.
    size = len(headings) if console.width >= WIDE else len(headings) // 2
    for start in range(0, len(headings), size):
        part = slice(start, start + size)
        shown = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        shown.add_column("metric", overflow="fold")
        for words in headings[part]:
            shown.add_column(words, justify="right", max_width=8)
        for name, cells in rows.items():
            shown.add_row(escape(name), *(f"[{COLOURS[cell[0]]}]{cell}[/]" for cell in cells[part]))
        console.print(shown)


def _cells(rows: pd.DataFrame) -> list[str]:
    """One metric's marks and effects, in the order of the disturbances."""
    return [
        f"{MARKS[verdict]} {_number(effect)}".strip()
        for verdict, effect in zip(rows["verdict"], rows["effect"], strict=True)
    ]


def _number(effect: float) -> str:
    if math.isnan(effect):
        return ""
    if math.isinf(effect):
        return "∞" if effect > 0 else "−∞"
    return f"{effect:.{1 if abs(effect) < 99.95 else 0}f}".replace("-", "−")


def _say_failures(console: Console, table: pd.DataFrame) -> None:
    from harness.selftest.disturbances import HEADINGS, failure_sentence

    for name, rows in table.groupby("metric", sort=False):
        if failed := list(rows.loc[rows["verdict"] == "fooled", "disturbance"]):
            print_line(console, f"{name} {failure_sentence(failed)}", "red")
        for kind, reason in rows.loc[rows["moved"] == "no value", ["disturbance", "reason"]].values:
            print_line(console, f"{name} has no value with {HEADINGS[kind]}: {reason}")


def _document(
    tested: SelftestRun, table: pd.DataFrame, metrics: Sequence[Metric]
) -> dict[str, Any]:
    """Plain values for JSON, which has neither infinity nor NaN: null stands for both."""
    from dataclasses import asdict

    from harness.selftest.disturbances import BOUND, LADDERS, VERSION
    from harness.selftest.outcomes import definition
    from harness.tracking.environment import environment

    definitions = {metric.name: definition(metric) for metric in metrics}
    return {
        "tested": asdict(tested),
        "version": VERSION,
        "bound": BOUND,
        "levels": LADDERS,
        "rows": [
            _finite(row) | {"definition": definitions[row["metric"]]}
            for row in table.to_dict("records")
        ],
        "environment": environment(),
    }


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
