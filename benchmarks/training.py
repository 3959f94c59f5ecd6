"""Our training against named peers on a CPU: to the same loss, faster?

    python benchmarks/training.py [--quick] [--repeats 5] [--only TEXT] [--data-root DIR]

Four kinds of rows. `bare`: loops written by hand for one model (`peers/bare_loops.py`), than which
ours may take little longer. `pythae` and `diffusers`: those libraries' trainers on the same
networks; what is not installed is left out. These run in this process on one thread, in turns, and
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
from pathlib import Path

import whole_suites
from peers import bare_loops
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
from harness.data import Batches, load_dataset
from harness.data.base import Dataset
from harness.families import build_family
from harness.families.base import Family
from harness.plan import shape_of
from harness.training.checkpoint import Checkpoints, save_weights
from harness.training.init import initialise
from harness.training.loop import train

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Work:
    """A recipe on a dataset for so many steps."""

    recipe: Recipe
    dataset: Dataset
    steps: int

    def build(self, seed: int) -> Family:
        settings, shape = self.recipe.settings, shape_of(self.dataset)
        return initialise(partial(build_family, self.recipe.family, settings, shape), seed)

    def ours(self, seed: int, folder: Path | None = None, last: float = 0.1) -> Trained:
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
            result = train(family, batches, images, seed, device=device, checkpoints=checkpoints)
            if folder:
                save_weights(family, folder / "model.safetensors")
            name = next(name for name in result.curve[0].losses if name.endswith("/loss"))
            losses.extend(point.losses[name] for point in result.curve)

        seconds = processor_seconds(work)
        end = losses[-math.ceil(last * len(losses)) :]
        return Trained(seconds, sum(end) / len(end))


def against_bare(loop: bare_loops.Loop, model: str, dataset: str, steps: int, how: How) -> Result:
    """A loop by hand with the same optimiser: 1.05 times its time is allowed, 1.15 for an MLP."""
    work = Work(load_recipe(model), load_dataset(dataset, how.root), 10 if how.quick else steps)
    images = work.dataset.train.images

    def theirs(seed: int) -> Trained:
        family, losses = work.build(seed), []
        seconds = processor_seconds(lambda: losses.append(loop(family, images, work.steps, seed)))
        return Trained(seconds, losses[0])

    goal = Goal(1.15 if model.endswith("/mlp") else 1.05, at_most=True)
    return compare_trainings(f"bare loop: {model} on {dataset}", goal, work.ours, theirs, how)


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


ROWS: Mapping[str, Callable[[How], Result | list[Result]]] = {
    "bare vae": partial(against_bare, bare_loops.vae, "vae/vae", "mnist", 400),
    "bare gan": partial(against_bare, bare_loops.gan, "gan/dcgan", "mnist", 150),
    "bare hinge gan": partial(against_bare, bare_loops.hinge_gan, "gan/dcgan-hinge", "mnist", 150),
    "bare wgan-gp": partial(against_bare, bare_loops.wgan_gp, "gan/wgan-gp", "mnist", 40),
    "bare flow": partial(against_bare, bare_loops.flow, "flow/matching", "digits", 60),
    "bare diffusion": partial(against_bare, bare_loops.diffusion, "diffusion/ddpm", "digits", 60),
    "bare mlp vae": partial(against_bare, bare_loops.vae, "vae/mlp", "mnist[size=8]", 500),
    "bare mlp gan": partial(against_bare, bare_loops.gan, "gan/mlp", "mnist[size=8]", 500),
    "bare mlp diffusion": partial(
        against_bare, bare_loops.diffusion, "diffusion/mlp", "mnist[size=8]", 500
    ),
    "pythae": against_pythae,
    "diffusers": against_diffusers,
    **whole_suites.ROWS,
}

if __name__ == "__main__":
    run(__doc__, ROWS)
