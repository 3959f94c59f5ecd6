"""Our training against named peers on a CPU: to the same loss, faster?

    python benchmarks/training.py [--quick] [--repeats 5] [--only TEXT] [--data-root DIR]

Three kinds of rows. `bare`: loops written by hand for each kind of model (`peers/bare_*.py`), than
which ours may take little longer. `pythae`, `diffusers`, `torchcfm`, `vector-quantize-pytorch`,
`timm`: those libraries' trainers, or a plain loop on their parts, with networks of the same size;
what is not installed is left out. These run in this process on one thread, in turns, and
are timed by its processor time. `suite`: five seeds of a model, from the command to the report,
against a script as pytorch/examples has them (`whole_suites.py`), by the clock. No row is printed
before both are found to train to the same loss within the noise of seeds.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import whole_suites
from peers import bare_coding, bare_denoising, bare_games, bare_loops
from PIL import Image
from side_by_side import (
    Goal,
    How,
    Result,
    Trained,
    compare_trainings,
    one_thread,
    processor_seconds,
    run,
)

from harness.config.recipe import Recipe, load_recipe
from harness.core.cuda_graphs import Accelerate
from harness.data import Batches, load_dataset
from harness.data.base import Dataset
from harness.families import build_family
from harness.families.base import Family
from harness.plan import shape_of
from harness.training.checkpoint import Checkpoints, save_weights
from harness.training.init import initialise
from harness.training.loop import train

HERE = Path(__file__).parent
CONSTANT_RATE: Mapping[str, Any] = {"optimizer": {"lr": 1e-3}}
SMALL_VIDEO: Mapping[str, Any] = {"batch_size": 4, "channels": 8}


@dataclass(frozen=True)
class Work:
    """A recipe on a dataset for so many steps."""

    recipe: Recipe
    dataset: Dataset
    steps: int

    def build(self, seed: int) -> Family:
        settings, shape = self.recipe.settings, shape_of(self.dataset)
        return initialise(partial(build_family, self.recipe.family, settings, shape), seed)

    def ours(
        self,
        seed: int,
        folder: Path | None = None,
        last: float = 0.1,
        accelerate: Accelerate = "off",
    ) -> Trained:
        """As a cell trains, with the mean loss of the `last` part; checkpoints and weights are
        saved in a `folder`.
        """
        family, device = self.build(seed), one_thread()
        size = family.settings.batch_size
        batches = Batches(self.dataset.train, size, seed, device)
        losses: list[float] = []

        def work() -> None:
            checkpoints = Checkpoints(folder) if folder else None
            updates = max(player.updates for phase in family.phases() for player in phase.players)
            images = self.steps * size * updates
            result = train(
                family, batches, images, seed, device=device, checkpoints=checkpoints,
                accelerate=accelerate,
            )  # fmt: skip
            if folder:
                save_weights(family, folder / "model.safetensors")
            name = next(name for name in result.curve[-1].losses if name.endswith("/loss"))
            losses.extend(point.losses.get(name, math.nan) for point in result.curve)

        seconds = processor_seconds(work)
        end = losses[-math.ceil(last * len(losses)) :]
        return Trained(seconds, sum(end) / len(end))


def against_bare(  # noqa: PLR0913, PLR0917 - a loop, and what it trains
    loop: bare_loops.Loop, model: str, dataset: str, steps: int, how: How,
    changes: Mapping[str, Any] | None = None,
) -> Result:  # fmt: skip
    """A loop by hand with the same optimiser: 1.05 times its time is allowed, 1.15 for an MLP in
    the plane. `changes` are to the recipe's settings.
    """
    recipe = load_recipe(model)
    recipe = replace(recipe, settings=recipe.settings | dict(changes or {}))
    work = Work(recipe, load_dataset(dataset, how.root), steps)
    goal = Goal(1.15 if "/mlp" in model else 1.05, at_most=True)
    return against_loop(f"bare loop: {model} on {dataset}", goal, loop, work, how)


def against_loop(title: str, goal: Goal, loop: bare_loops.Loop, work: Work, how: How) -> Result:
    """A loop on the same images, for as many steps as ours takes."""
    if how.quick:
        work = replace(work, steps=10)

    def theirs(seed: int) -> Trained:
        family, losses, split = work.build(seed), [], work.dataset.train
        seconds = processor_seconds(lambda: losses.append(loop(family, split, work.steps, seed)))
        return Trained(seconds, losses[0])

    return compare_trainings(title, goal, work.ours, theirs, how)


def against_pythae(how: How) -> Result:
    from peers import pythae_vae  # noqa: PLC0415 - need not be installed

    recipe, dataset = load_recipe("vae/mlp"), load_dataset("mnist[size=8]", how.root)
    recipe = replace(recipe, settings=recipe.settings | {"sigma": 1.0, "latent": 8})
    size, epochs = recipe.settings["batch_size"], 1 if how.quick else 2
    steps = 10 if how.quick else len(dataset.train) // size  # whole batches
    work = Work(recipe, dataset, epochs * steps)
    images = dataset.train.images[: steps * size]

    def theirs(seed: int) -> Trained:
        with tempfile.TemporaryDirectory() as folder:
            training = pythae_vae.Training(work.build(seed), images, epochs, seed, Path(folder))
            return Trained(processor_seconds(training.run), training.loss())

    def ours(seed: int) -> Trained:
        with tempfile.TemporaryDirectory() as folder:
            return work.ours(seed, Path(folder), last=1 / epochs)

    title = "pythae: its VAE, with vae/mlp's networks, on mnist[size=8]"
    return compare_trainings(title, Goal(2.0), ours, theirs, how)


def against_diffusers(how: How) -> Result:
    from peers import diffusers_loop  # noqa: PLC0415 - need not be installed

    recipe, dataset = load_recipe("own/unet2d.yaml", HERE), load_dataset("mnist", how.root)
    if how.quick:
        recipe = replace(recipe, settings=recipe.settings | {"blocks": [32, 32], "layers": 1})
    work = Work(recipe, dataset, 3 if how.quick else 20)
    pictures = [Image.fromarray(image[0].numpy()) for image in dataset.train.images[:10_000]]

    def theirs(seed: int) -> Trained:
        family, losses = work.build(seed), []
        network = family.networks["denoiser"].network
        options = (pictures, work.steps, seed, family.settings)
        seconds = processor_seconds(lambda: losses.append(diffusers_loop.train(network, *options)))
        return Trained(seconds, losses[0])

    title = "diffusers and accelerate: UNet2DModel on mnist"
    return compare_trainings(title, Goal(1.15), work.ours, theirs, how)


def against_parts(  # noqa: PLR0913, PLR0917 - a peer, and what it trains
    peer: str, model: str, dataset: str, steps: int, title: str, how: How
) -> Result:
    """A plain loop on a library's parts, `peers/PEER.py`: no slower than that."""
    loop: bare_loops.Loop = import_module(f"peers.{peer}").train  # need not be installed
    work = Work(load_recipe(model, HERE), load_dataset(dataset, how.root), steps)
    return against_loop(title, Goal(1.0), loop, work, how)


PARTS: Mapping[str, tuple[str, str, str, int, str]] = {
    "torchcfm": (
        "torchcfm_loop", "flow/matching", "digits", 60, "torchcfm: flow/matching on digits",
    ),
    "vector-quantize-pytorch": (
        "vector_quantize_loop", "own/codebook.yaml", "mnist", 150,
        "vector-quantize-pytorch: VQ-VAE by averages on mnist",
    ),
    "timm": (
        "timm_masked", "autoencoder/masked", "mnist", 100,
        "timm's blocks: autoencoder/masked on mnist",
    ),
}  # fmt: skip
"""A library: the loop on its parts, the recipe, the dataset, steps, and the title of the row."""


def parts_row(name: str, how: How) -> Result:
    """The row of a library in `PARTS`."""
    return against_parts(*PARTS[name], how)


BARE: Mapping[str, tuple[bare_loops.Loop, str, str, int, Mapping[str, Any]]] = {
    "autoencoder": (bare_coding.autoencoder, "autoencoder/conv", "mnist", 300, CONSTANT_RATE),
    "vae": (bare_loops.vae, "vae/vae", "mnist", 400, {}),
    "vq": (bare_coding.quantised, "vq/vq-vae", "digits", 60, {}),
    "masked": (bare_coding.masked, "autoencoder/masked", "mnist", 100, {}),
    "gan": (bare_loops.gan, "gan/dcgan", "mnist", 150, {}),
    "hinge gan": (bare_loops.hinge_gan, "gan/dcgan-hinge", "mnist", 150, {}),
    "wgan-gp": (bare_loops.wgan_gp, "gan/wgan-gp", "mnist", 40, {}),
    "unrolled": (bare_games.unrolled_gan, "gan/mlp-unrolled", "mnist[size=8]", 100, {}),
    "stylegan2": (bare_games.style_gan, "style/stylegan2", "digits", 20, {}),
    "cyclegan": (bare_games.cyclegan, "translation/cyclegan", "digits[unpaired=outlines]", 40, {}),
    "diffusion": (bare_loops.diffusion, "diffusion/ddpm", "digits", 60, {}),
    "latent": (bare_denoising.latent, "diffusion/latent", "digits", 40, {}),
    "flow": (bare_loops.flow, "flow/matching", "digits", 60, {}),
    "text": (bare_denoising.text, "diffusion/ddpm-text", "shapes", 40, {}),
    "video": (bare_denoising.video, "video/ddpm-temporal", "moving:shapes", 10, SMALL_VIDEO),
    "mlp vae": (bare_loops.vae, "vae/mlp", "mnist[size=8]", 500, {}),
    "mlp gan": (bare_loops.gan, "gan/mlp", "mnist[size=8]", 500, {}),
    "mlp diffusion": (bare_loops.diffusion, "diffusion/mlp", "mnist[size=8]", 500, {}),
}
"""A loop by hand for each kind of model: the loop, the recipe, the dataset, steps, and changes to
the recipe's settings: a rate that a plain loop has, or a size that a loop is through in seconds."""


def bare_row(name: str, how: How) -> Result:
    """The row of a kind of model in `BARE`."""
    loop, model, dataset, steps, changes = BARE[name]
    return against_bare(loop, model, dataset, steps, how, changes)


ROWS: Mapping[str, Callable[[How], Result | list[Result]]] = {
    **{f"bare {name}": partial(bare_row, name) for name in BARE},
    "pythae": against_pythae,
    "diffusers": against_diffusers,
    **{name: partial(parts_row, name) for name in PARTS},
    **whole_suites.ROWS,
}

if __name__ == "__main__":
    run(__doc__, ROWS)
