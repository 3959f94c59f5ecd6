"""The options that several verbs share, and how their values are read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.config.seeds import parse_seeds
from harness.config.shipped import shipped_files
from harness.core.errors import BadInput
from harness.core.output_folder import default_output
from harness.core.terminal import echo


def _complete_suite(incomplete: str) -> list[str]:
    return [name for name in shipped_files("suites") if name.startswith(incomplete)]


def complete_model(incomplete: str) -> list[str]:
    """The shipped models whose names begin so."""
    return [name for name in shipped_files("models") if name.startswith(incomplete)]


SuiteName = Annotated[
    str,
    typer.Argument(
        metavar="SUITE",
        help="A shipped suite (see `harness list`) or a path to a YAML file.",
        autocompletion=_complete_suite,
        show_default=False,
    ),
]
Seeds = Annotated[
    str | None, typer.Option(help="Training seeds: 0,1,2 or 0-4.", show_default=False)
]
Models = Annotated[
    list[str] | None,
    typer.Option(help="Only these models of the suite.", autocompletion=complete_model),
]
Datasets = Annotated[list[str] | None, typer.Option(help="Only these datasets of the suite.")]
Metrics = Annotated[list[str] | None, typer.Option(help="Only these metrics of the suite.")]
Budget = Annotated[int | None, typer.Option(help="Training images shown to each model.", min=1)]
BudgetScale = Annotated[
    float | None,
    typer.Option(help="Scale training images and samples, e.g. 0.05 to try a GPU suite on a CPU."),
]
Extractor = Annotated[
    str | None,
    typer.Option(
        help="Feature network of FID and its kin. Default: the suite's, or the dataset's."
    ),
]
Perceptual = Annotated[
    str | None, typer.Option(help="Network of LPIPS. Default: the suite's, or the dataset's.")
]
ScoringExtractor = Annotated[
    str | None,
    typer.Option(help="Feature network of FID and its kin. Default: the dataset's, or inception."),
]
ScoringPerceptual = Annotated[
    str | None,
    typer.Option(help="Network of LPIPS. Default: the dataset's, or lpips:alex."),
]
Accelerate = Annotated[
    Literal["auto", "off", "graph", "compile"] | None,
    typer.Option(
        help="graph: replay steps as CUDA graphs. compile: compile losses too. auto: graph on "
        "CUDA, else off.",
    ),
]
Precision = Annotated[
    Literal["fp32", "bf16"] | None,
    typer.Option(help="Precision of training, for all recipes."),
]
MemoryFormat = Annotated[
    Literal["contiguous", "channels_last"] | None,
    typer.Option(help="Memory layout of images in training, for all recipes."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
DataRoot = Annotated[
    Path | None,
    typer.Option(help="Where datasets are, or are downloaded to.", envvar="HARNESS_DATA"),
]


def _output(context: typer.Context, parameter: typer.CallbackParam, folder: Path) -> Path:
    """The named folder, or else the default; prints a line where that is an old version's."""
    source = context.get_parameter_source(parameter.name or "")
    if source is None or source.name != "DEFAULT" or context.resilient_parsing:
        return folder
    if (default := default_output()) != folder:
        echo(
            f"Results are in {default}/, where an earlier version kept them; "
            f"--output {folder} begins a folder that git ignores.",
            err=True,
        )
    return default


Output = Annotated[
    Path,
    typer.Option(
        help="Folder of reports, checkpoints and the default tracking store.", callback=_output
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="The file to write.")]
Tracking = Annotated[
    str | None,
    typer.Option(
        help="MLflow tracking store. Default: SQLite in the output folder.",
        envvar="MLFLOW_TRACKING_URI",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Cells at a time. Default: one for each CPU core, or as many as fit on each GPU.",
        min=1,
    ),
]
Processes = Annotated[
    int,
    typer.Option(help="Processes that train one model together, each on a GPU of its own.", min=1),
]
EngineName = Annotated[
    Literal["local", "ray"], typer.Option(help="Where cells run: this machine, or a Ray cluster.")
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        help="The Ray cluster, e.g. head:6379. Default: the cluster of this node.",
        envvar="RAY_ADDRESS",
        show_envvar=True,
    ),
]

CheckpointSeconds = Annotated[
    float, typer.Option(help="Seconds between checkpoints of a cell in training.", min=0.0)
]


def words(values: list[str] | None) -> list[str] | None:
    """Repeated and comma-separated values as one list; commas within brackets do not separate."""
    if not values:
        return None
    return [word.strip() for value in values for word in re.split(r",(?![^\[]*\])", value)]


def seed_list(text: str | None) -> list[int] | None:
    """`0,1,2` and `0-4` as a list."""
    if text is None:
        return None
    try:
        return parse_seeds(text)
    except ValueError as error:
        raise BadInput(f"--seeds {text!r}: {error}") from None


def refuse(group: object, names: Iterable[str], reason: str) -> None:
    """Raise BadInput, with the reason, for the first of the options `names` of a group that is set
    on the command line.
    """
    for name in names:
        if getattr(group, name):
            raise BadInput(f"--{name.replace('_', '-')} {reason}")


def check_output_options(
    files: Iterable[Path | None],
    places: Iterable[str | Path | None] = (),
    data_root: Path | None = None,
    store: Path | None = None,
) -> None:
    """Raise BadInput where one of the output `files` cannot be written, or is an input: one of
    `places`, a dataset's file, or the file of the tracking `store`.
    """
    if any(files := tuple(files)):
        from harness.data import output_files
        from harness.data.inputs import input_paths

        inputs = input_paths(places, data_root)
        output_files.check_outputs(files, [*inputs, store] if store else inputs)
