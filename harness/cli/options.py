"""The options that several verbs share, and how their values are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from harness.spec.errors import BadInput
from harness.spec.shipped import shipped_files

if TYPE_CHECKING:
    from harness.spec.suite import Overrides
    from harness.tracking import Store


def _complete_suite(incomplete: str) -> list[str]:
    return [name for name in shipped_files("suites") if name.startswith(incomplete)]


def _complete_model(incomplete: str) -> list[str]:
    return [name for name in shipped_files("models") if name.startswith(incomplete)]


SuiteName = Annotated[
    str,
    typer.Argument(
        help="A shipped suite (see `harness list`) or a path to a YAML file.",
        autocompletion=_complete_suite,
    ),
]
Seeds = Annotated[
    str | None, typer.Option(help="Seeds instead of the suite's: 0,1,2 or 0-4.", show_default=False)
]
Models = Annotated[
    list[str] | None,
    typer.Option(help="Only these of its models.", autocompletion=_complete_model),
]
Datasets = Annotated[list[str] | None, typer.Option(help="Only these of its datasets.")]
Budget = Annotated[
    int | None, typer.Option(help="Training images shown, instead of the suite's.", min=1)
]
BudgetScale = Annotated[
    float | None,
    typer.Option(help="Scale training images and samples, e.g. 0.05 to try a GPU suite on a CPU."),
]
Extractor = Annotated[
    str | None,
    typer.Option(help="Feature network of FID and its kin instead of the dataset's default."),
]
Perceptual = Annotated[
    str | None, typer.Option(help="Network of LPIPS instead of the dataset's default.")
]
Accelerate = Annotated[
    Literal["auto", "off", "graph", "compile"] | None,
    typer.Option(
        help="CUDA graphs on a GPU (graph), losses compiled first (compile), or neither (off); "
        "auto is graph on CUDA, off elsewhere. Instead of the suite's.",
    ),
]
Precision = Annotated[
    Literal["fp32", "bf16"] | None,
    typer.Option(help="Precision of training, instead of the suite's and the recipes'."),
]
MemoryFormat = Annotated[
    Literal["contiguous", "channels_last"] | None,
    typer.Option(help="Layout of images in training, instead of the suite's and the recipes'."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
DataRoot = Annotated[
    Path | None,
    typer.Option(help="Where datasets are, or are downloaded to.", envvar="HARNESS_DATA"),
]
Output = Annotated[
    Path, typer.Option(help="Folder of reports, checkpoints and the default tracking store.")
]
Tracking = Annotated[
    str | None,
    typer.Option(
        help="MLflow tracking store; SQLite in the output folder if not said.",
        envvar="MLFLOW_TRACKING_URI",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Cells at a time; as many as cores on a CPU, as many as are known to fit on each GPU.",
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
Address = Annotated[
    str | None,
    typer.Option(
        help="The Ray cluster, e.g. head:6379; the one of this node if not said.",
        envvar="RAY_ADDRESS",
        show_envvar=True,
    ),
]

CheckpointSeconds = Annotated[
    float, typer.Option(help="How often a cell in training is saved.", min=0.0)
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
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        if not match:
            raise BadInput(f"--seeds {text!r}: write numbers such as 0,1,2 or a range such as 0-4")
        first, last = int(match[1]), int(match[2] or match[1])
        seeds += range(first, last + 1)
    if not seeds:
        raise BadInput(f"--seeds {text!r}: the range is empty; write it upwards, such as 0-4")
    return seeds


def overrides(
    seeds: str | None,
    models: list[str] | None,
    datasets: list[str] | None,
    budget: int | None,
    budget_scale: float | None,
    extractor: str | None,
    perceptual: str | None,
    accelerate: Literal["auto", "off", "graph", "compile"] | None = None,
    precision: Literal["fp32", "bf16"] | None = None,
    memory_format: Literal["contiguous", "channels_last"] | None = None,
) -> Overrides:
    """What the command line changes of a suite."""
    from harness.spec.suite import Overrides

    return Overrides(
        seeds=seed_list(seeds),
        models=words(models),
        datasets=words(datasets),
        budget=budget,
        budget_scale=budget_scale,
        extractor=extractor,
        perceptual=perceptual,
        accelerate=accelerate,
        precision=precision,
        memory_format=memory_format,
    )


def open_store(tracking: str | None, output: Path) -> Store:
    """The tracking store that was asked for, or the default one. It is given what an earlier
    command could not log.
    """
    from harness.tracking import Store, default_uri

    store = Store(tracking or default_uri(output), output)
    store.connect()
    return store
