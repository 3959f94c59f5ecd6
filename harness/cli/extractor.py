"""`harness extractor train` and `fetch`: feature networks before anything is measured."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from harness.cli import options
from harness.cli.tables import console_beside, print_styled
from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.core.terminal import echo

app = typer.Typer(help="Feature networks.", no_args_is_help=True, rich_markup_mode="markdown")


@app.command()
def train(
    dataset: Annotated[str, typer.Argument(help="The dataset to train on, e.g. mnist.")],
    out: options.Out,
    seed: Annotated[int, typer.Option(help="Seed of initialisation, order and augmentation.")] = 0,
    device: options.Device = "auto",
    data_root: options.DataRoot = None,
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

    numerics = Numerics.resolve(device)
    make_folder(out)
    options.check_output_options([out], [dataset], data_root)
    images = load_dataset(dataset, data_root)
    device = str(numerics.apply())
    say = partial(print_styled, console_beside(out))
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
    names = list(dict.fromkeys(names))
    failed = []
    for name in names:
        try:
            _fetch(name)
        except BadInput as error:
            failed.append(name)
            if len(names) == 1:
                raise
            echo(f"harness: {error}", err=True)
    if failed:
        raise BadInput(
            f"{len(failed)} of {counted(len(names), 'network')} not ready: {', '.join(failed)}"
        )


def _fetch(name: str) -> None:
    from harness.extractors import preflight

    found = preflight(name)
    for weights in found:
        pinned = "" if weights.pinned else " (not pinned: no digest is known for it)"
        echo(f"{name}: {weights.path} sha256:{weights.sha256}{pinned}")
    if not found:
        echo(f"{name}: needs no weights")
