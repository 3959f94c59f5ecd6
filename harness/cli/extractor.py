"""`harness extractor train` and `fetch`: feature networks before anything is measured."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from harness.cli import option_groups, options, suite_options
from harness.cli.fetching import fetch_each
from harness.cli.tables import console_beside, print_line
from harness.core.terminal import echo

app = typer.Typer(
    help="Train and fetch the feature networks behind FID and its kin.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command()
@option_groups.with_option_groups
def train(
    compute: suite_options.ComputeOptions,
    dataset: Annotated[str, typer.Argument(help="The dataset to train on, e.g. mnist.")],
    out: options.Out,
    seed: Annotated[int, typer.Option(help="Seed of initialisation, order and augmentation.")] = 0,
) -> None:
    """Train a small classifier whose features measure samples of its own domain, as safetensors.

    The weights of the shipped datasets were made by this command and are part of the package.

    **Examples**

        harness extractor train digits --out digits.safetensors

        harness extractor train fashion-mnist --out fashion.safetensors --data-root ~/data
    """
    from harness.data import load_dataset
    from harness.data.output_files import make_folder
    from harness.extractors.train_classifier import train_and_save
    from harness.training.numerics import Numerics

    numerics = Numerics.resolve(compute.device)
    make_folder(out)
    options.check_output_options([out], [dataset], compute.data_root)
    images = load_dataset(dataset, compute.data_root)
    device = str(numerics.apply())
    say = partial(print_line, console_beside(out))
    accuracy = train_and_save(images, out, seed=seed, device=device, progress=say)
    say(f"{out}: {accuracy:.2%} of the test images are classified correctly")


@app.command()
def fetch(
    names: Annotated[
        list[str],
        typer.Argument(help="Feature networks, e.g. inception (see `harness list extractors`)."),
    ],
) -> None:
    """Bring the weights of feature networks to this machine, before it goes offline.

    Weights that are there already are checked. Each is a line: where it is, and its SHA-256.
    Single files go to the folder HARNESS_WEIGHTS, if it is set, or to PyTorch's hub cache;
    networks of the Hugging Face hub go to its cache, which HF_HOME moves.

    **Examples**

        harness extractor fetch inception lpips:alex

        harness extractor fetch dinov2 clip
    """
    fetch_each(names, "network", _fetch)


def _fetch(name: str) -> None:
    from harness.extractors import preflight

    files = preflight(name)
    for weights in files:
        pinned = "" if weights.pinned else " (not pinned: no digest is known for it)"
        echo(f"{name}: {weights.path} sha256:{weights.sha256}{pinned}")
    if not files:
        echo(f"{name}: needs no weights")
