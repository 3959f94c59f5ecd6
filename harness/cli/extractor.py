"""`harness extractor train`: the classifiers behind FID and its kin on small grey images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options

app = typer.Typer(help="Feature networks.", no_args_is_help=True, rich_markup_mode="markdown")


@app.callback()
def _root() -> None:
    pass


@app.command()
def train(
    dataset: Annotated[str, typer.Argument(help="The dataset to train on, e.g. mnist.")],
    out: Annotated[Path, typer.Option(help="Where the weights go (safetensors).")],
    seed: Annotated[int, typer.Option(help="Seed of initialisation, order and augmentation.")] = 0,
    device: options.Device = "auto",
    data_root: options.DataRoot = None,
) -> None:
    """Train a small classifier whose features measure samples of its own domain.

    The weights of the shipped datasets were made by this command and are part of the package.

    **Examples**

        harness extractor train digits --out digits.safetensors

        harness extractor train fashion-mnist --out fashion.safetensors --data-root ~/data
    """
    from harness.data import load_dataset
    from harness.extractors.train_classifier import train_and_save
    from harness.training.numerics import Numerics

    numerics = Numerics.resolve(device)
    images = load_dataset(dataset, data_root)
    device = str(numerics.apply())
    accuracy = train_and_save(images, out, seed=seed, device=device, progress=typer.echo)
    typer.echo(f"{out}: {accuracy:.2%} of the test images are classified correctly")
