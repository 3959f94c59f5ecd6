"""`harness extractor train` and `fetch`: feature networks before anything is measured."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import option_groups, options, suite_options
from harness.cli.fetching import fetch_each
from harness.cli.tables import console_beside, print_line
from harness.core.terminal import echo

if TYPE_CHECKING:
    from harness.data.base import Dataset

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

    Where images have factors, it is one that reads each of them.

    The weights of the shipped datasets were made by this command and are part of the package.

    **Examples**

        harness extractor train digits --out digits.safetensors

        harness extractor train fashion-mnist --out fashion.safetensors --data-root ~/data
    """
    from harness.extractors.train_classifier import train_and_save
    from harness.extractors.train_towers import FACTOR_RECIPE, TowerTraining, train_factor_net

    images, device, say = _prepare(compute, dataset, out)
    if images.card.factors:
        shares = train_factor_net(images, out, TowerTraining(FACTOR_RECIPE, seed, device, say))
        read = ", ".join(f"{name} {share:.2%}" for name, share in shares.items())
        say(f"{out}: of the test images these factors are read correctly: {read}")
        return
    accuracy = train_and_save(images, out, seed=seed, device=device, progress=say)
    say(f"{out}: {accuracy:.2%} of the test images are classified correctly")


@app.command("texts")
@option_groups.with_option_groups
def train_with_texts(
    compute: suite_options.ComputeOptions,
    dataset: Annotated[str, typer.Argument(help="The dataset to train on, e.g. shapes.")],
    out: options.Out,
    seed: Annotated[int, typer.Option(help="Seed of initialisation and order.")] = 0,
) -> None:
    """Train a small network that has a dataset's images and their texts in one space.

    The weights of `dual-encoder:shapes` were made by this command and are part of the package.

    **Examples**

        harness extractor texts shapes --out shapes-texts.safetensors
    """
    from harness.extractors.train_towers import TEXT_RECIPE, TowerTraining, train_dual_encoder

    images, device, say = _prepare(compute, dataset, out)
    shares = train_dual_encoder(images, out, TowerTraining(TEXT_RECIPE, seed, device, say))
    say(
        f"{out}: an image's own text is the nearest for {shares['100']:.2%} of the test images "
        f"among 100 texts, for {shares['all']:.2%} among those of all"
    )


def _prepare(
    compute: suite_options.ComputeOptions, dataset: str, out: Path
) -> tuple[Dataset, str, Callable[[str], None]]:
    """The dataset, the device, and what prints a line, once the output can be written."""
    from harness.data import load_dataset
    from harness.data.output_files import make_folder
    from harness.training.numerics import Numerics

    numerics = Numerics.resolve(compute.device)
    make_folder(out)
    options.check_output_options([out], [dataset], compute.data_root)
    images = load_dataset(dataset, compute.data_root)
    return images, str(numerics.apply()), partial(print_line, console_beside(out))


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
