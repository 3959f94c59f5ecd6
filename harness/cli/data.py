"""`harness data`: which datasets there are, having them here, and looking at them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from harness.cli import options
from harness.cli.fetching import fetch_each
from harness.cli.tables import console_beside, print_rows
from harness.core.counting import counted, named
from harness.core.terminal import Console, echo

if TYPE_CHECKING:
    from harness.data.inventory import DatasetRecord

app = typer.Typer(
    help="List, fetch, verify and show datasets.", no_args_is_help=True, rich_markup_mode="markdown"
)

Names = Annotated[
    list[str],
    typer.Argument(help="Datasets as in a suite, e.g. mnist or 'folder:cats[size=32]'."),
]
SHOWN_CLASSES = 20


@app.command("list")
def list_(data_root: options.DataRoot = None) -> None:
    """List all datasets: what they are, whether they are on this machine, and their licence.

    Where one is: `built in` needs no files, `prepared` is ready, `files` will be prepared when it
    is first used, `no` has to be fetched.

    **Examples**

        harness data list

        harness data list --data-root ~/data
    """
    from harness.data.inventory import inventory

    headings = ("name", "what it is", "images", "size", "classes", "here", "licence")
    rows = [_row(entry) for entry in inventory(data_root)]
    print_rows(Console(), headings, rows)


def _row(entry: DatasetRecord) -> tuple[str, ...]:
    shape = entry.shapes[0][1:] if entry.shapes else ()
    return (
        entry.name,
        entry.title,
        " + ".join(f"{shape[0]:,}" for shape in entry.shapes) or "–",
        "×".join(map(str, shape)) or "–",
        str(entry.classes or "–"),
        entry.place or "–",
        entry.licence or "–",
    )


@app.command()
def fetch(names: Names, data_root: options.DataRoot = None) -> None:
    """Download and prepare datasets now, for instance before a machine goes offline.

    What is here already is neither downloaded nor prepared again. Tasks are made of a dataset when
    it is used: of mnist[unseen=3] this fetches mnist.

    **Examples**

        harness data fetch mnist cifar10

        harness data fetch 'celeba[size=32]' --data-root ~/data
    """
    fetch_each(names, "dataset", lambda name: _fetch(name, data_root))


def _fetch(name: str, root: Path | None) -> None:
    from harness.data.load import load_untasked

    dataset = load_untasked(name, root)
    echo(
        f"{dataset.name}: {len(dataset.train):,} + {counted(len(dataset.test), 'image')}, "
        f"sha256:{dataset.digest}"
    )


@app.command()
def verify(names: Names, data_root: options.DataRoot = None) -> None:
    """Check every file of datasets: official files against their published digests, prepared sets
    against their own.

    The exit code is 1 where a file is damaged or missing; a line names it.

    **Examples**

        harness data verify mnist

        harness data verify mnist cifar10 --data-root ~/data
    """
    from harness.data.inventory import verify_dataset

    wrong = 0
    for name in dict.fromkeys(names):
        for finding in verify_dataset(name, data_root):
            wrong += not finding.is_right
            echo(finding.line if finding.is_right else f"✗ {finding.line}")
    if wrong:
        raise typer.Exit(1)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A dataset as in a suite, e.g. digits[unseen=8].")],
    sheet: Annotated[
        Path | None, typer.Option(help="Write a contact sheet of its images to this PNG file.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write what is known of it to this file.")
    ] = None,
    data_root: options.DataRoot = None,
) -> None:
    """Show what a dataset is: licence, citation, digest, and statistics of its images.

    **Examples**

        harness data show digits --sheet digits.png

        harness data show 'digits[unseen=8]' --json digits.json
    """
    from harness.data import load_dataset
    from harness.data.description import describe_dataset
    from harness.data.output_files import check_suffix
    from harness.scoring.document import write_json

    options.check_output_options((sheet, json_file), [name], data_root)
    if sheet:
        check_suffix(sheet, "--sheet", "a PNG", ".png")
    if json_file:
        check_suffix(json_file, "--json", "JSON", ".json")
    dataset = load_dataset(name, data_root)
    description = describe_dataset(dataset)
    if json_file:
        write_json(description, json_file)
    if sheet:
        from harness.data.contact_sheet import contact_sheet
        from harness.data.output_files import write_output

        write_output(sheet, contact_sheet(dataset))
    _show(console_beside(sheet, json_file), description)


def _show(console: Console, description: dict[str, Any]) -> None:
    facts = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for word, value in _facts(description):
        facts.add_row(word, escape(value))
    console.print(facts)
    console.print(_statistics(description))
    console.print(_classes(description))


def _facts(description: dict[str, Any]) -> list[tuple[str, str]]:
    scale = "; mean and std on a scale from 0 to 1" if description["type"] == "uint8" else ""
    networks = (description["extractor"], description["perceptual"])
    facts = [
        ("name", description["name"]),
        ("title", description["title"]),
        ("licence", description["licence"]),
        ("citation", description["citation"]),
        ("SHA-256", description["digest"]),
        ("images", description["images"] + scale),
        ("tasks", "; ".join(["generation", "reconstruction", *description["tasks"]])),
        ("networks", ", ".join(dict.fromkeys(filter(None, networks)))),
    ]
    if description["factors"]:
        factors = (
            f"{name} ({counted(values, 'value')})"
            for name, values in description["factors"].items()
        )
        facts.append(("factors", ", ".join(factors)))
    for text in description["splits"]["test"].get("texts", []):
        facts.append(("text", text))
    return facts


def _statistics(description: dict[str, Any]) -> Table:
    table = Table("split", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("images", "defective", "mean", "std"):
        table.add_column(heading, justify="right")
    for name, split in description["splits"].items():
        defective = f"{split['defective']:,}" if "defective" in split else "–"
        moments = (_numbers(split[moment]) for moment in ("mean", "std"))
        table.add_row(name, f"{split['images']:,}", defective, *moments)
    return table


def _numbers(values: list[float]) -> str:
    shown = ", ".join(f"{value:.4f}" for value in values[:3])
    return f"{shown}, …" if len(values) > 3 else shown


def _classes(description: dict[str, Any]) -> Table:
    table = Table("label", "class", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for split in description["splits"]:
        table.add_column(split, justify="right")
    for label, name in enumerate(description["classes"][:SHOWN_CLASSES]):
        counts = (f"{split['counts'][label]:,}" for split in description["splits"].values())
        table.add_row(str(label), escape(name), *counts)
    if (rest := len(description["classes"]) - SHOWN_CLASSES) > 0:
        table.add_row("…", f"{rest:,} more {named(rest, 'class', 'classes')}")
    return table
