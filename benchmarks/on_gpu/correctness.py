"""Whether a device trains every family as it should, before anything is timed.

A recipe of each family takes a few steps on small batches: plain, replayed as CUDA graphs, and in
bf16. Replayed steps must be captured, without falling back, and end with the losses of plain ones;
bf16 must be finite and near. Packing: two trainings at once, in processes of their own on one
device, must end as one alone does.
"""

from __future__ import annotations

import math
import multiprocessing
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from harness.config.recipe import list_recipes, load_recipe
from harness.core.cuda_graphs import Accelerate
from harness.data import load_dataset
from harness.data.loader import Batches
from harness.families import build_family
from harness.families.base import Family
from harness.plan import shape_of
from harness.training.init import initialise
from harness.training.loop import train
from on_gpu.bench import Row

STEPS = 3
BATCH = 8
NEAR = {"graph": 1e-3, "bf16": 0.25, "packed": 1e-3}
"""How far a loss may be from that of plain steps in fp32, relative to it or to 1."""

DATASETS = {
    "cyclegan": "digits[unpaired=outlines]",
    "inpainting": "digits[inpaint=box]",
    "pix2pix": "digits[inpaint=box]",
    "repaint": "digits[inpaint=box]",
    "restoring-diffusion": "digits[inpaint=box]",
    "text-gan": "shapes",
    "translation": "digits[super=2]",
    "video-diffusion": "moving:shapes",
}
"""What a family trains on that does not on digits."""

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "rectified-flow": {"pairs": 64},
    "vq-gan": {"features": "classifier:digits"},
}
"""Changes to a recipe, which else takes long or other images."""

WITHOUT_STEPS = {
    "disturbed", "few-per-class", "jpeg", "mean-image", "pca", "pixels",
}  # fmt: skip
"""Families that are fitted, or only show images."""

WITHOUT_WEIGHTS = {"pretrained", "pretrained-autoencoder", "pretrained-text-diffusion"}
"""Families that start from weights that do not come with the harness."""


@dataclass(frozen=True)
class Trial:
    """A few steps of a recipe."""

    family: str
    recipe: str

    @property
    def dataset(self) -> str:
        """What it trains on."""
        return DATASETS.get(self.family, "digits")

    def untrained(self, **settings: Any) -> tuple[Family, Any]:
        """The model and its training images."""
        recipe, dataset = load_recipe(self.recipe), load_dataset(self.dataset)
        changes = dict(SETTINGS.get(self.family, {}))
        chosen = recipe.settings | {"batch_size": BATCH} | changes | settings
        build = partial(build_family, recipe.family, chosen, shape_of(dataset))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of codes that are large for such images
            return initialise(build, 0), dataset.train

    def losses(
        self, device: torch.device, accelerate: Accelerate = "off", precision: str = "fp32"
    ) -> Mapping[str, float]:
        """The last point of the loss curves."""
        family, split = self.untrained(precision=precision)
        batches = Batches(split, BATCH, 0, device)
        images = BATCH * STEPS * len(family.phases())
        result = train(family, batches, images, 0, device=device, accelerate=accelerate)
        return result.curve[-1].losses


def trials() -> list[Trial]:
    """The first recipe of each family that trains in steps."""
    first: dict[str, str] = {}
    for name in list_recipes():
        first.setdefault(load_recipe(name).family, name)
    return [Trial(family, name) for family, name in first.items() if family not in WITHOUT_STEPS]


def rows(device: torch.device, trial: Trial) -> Iterator[Row]:
    """A line for each check of a family; `result` is "ok", or what is wrong."""
    try:
        plain = trial.losses(device)
    except Exception as error:
        yield _row(trial, "plain steps", _first_line(error))
        return
    yield _check(trial, "graph", plain, partial(trial.losses, device, "graph"))
    yield _check(trial, "bf16", plain, partial(trial.losses, device, "off", "bf16"))


def _check(trial: Trial, check: str, plain: Mapping[str, float], run: Any) -> Row:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="runs without")
            apart = distance(plain, run())
    except Exception as error:
        return _row(trial, check, _first_line(error))
    near = apart <= NEAR[check]
    return _row(trial, check, "ok" if near else f"more than {NEAR[check]:g} apart", apart)


def packed(device: torch.device) -> Row:
    """Two trainings at once, and one alone."""
    trial = Trial("gan", "gan/dcgan")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        both = [pool.submit(trial.losses, device) for _ in range(2)]
        return _check(trial, "packed", trial.losses(device), lambda: _same(both))


def _same(futures: Any) -> Mapping[str, float]:
    first, second = (future.result() for future in futures)
    if first != second:
        raise AssertionError("two equal trainings at once end with different losses")
    return first


def distance(plain: Mapping[str, float], other: Mapping[str, float]) -> float:
    """The largest difference of a loss, relative to it where it is more than 1; infinite where one
    is missing or not finite. Norms of gradients do not count.
    """
    names = [name for name in plain if name.endswith("/loss")]
    return max(
        abs(other[name] - plain[name]) / max(1.0, abs(plain[name]))
        if math.isfinite(other.get(name, math.nan))
        else math.inf
        for name in names
    )


def _row(trial: Trial, check: str, result: str, apart: float | None = None) -> Row:
    return {
        "family": trial.family, "recipe": trial.recipe, "check": check, "result": result,
        "losses apart": apart,
    }  # fmt: skip


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
