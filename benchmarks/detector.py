"""How well a detector of one model's samples finds other models' samples, as docs/safety.md has it.

    python benchmarks/detector.py vae/vae gan/dcgan diffusion/ddpm --images 16000

Each recipe is trained on `--dataset` with one seed; as many samples as test images are drawn.
"""

from __future__ import annotations

import argparse
from functools import partial

import torch
from torch import Tensor

from harness.config.recipe import load_recipe
from harness.core.seeding import generator
from harness.data import Batches, load_dataset
from harness.data.base import Dataset
from harness.data.pixels import to_uint8
from harness.extractors import load_extractor
from harness.families import build_family
from harness.plan import shape_of
from harness.safety.generated import cross_tests
from harness.training.init import initialise
from harness.training.loop import train


def samples_of(name: str, dataset: Dataset, images: int, seed: int) -> Tensor:
    """As many samples as test images, uint8, of the recipe trained on `images` images."""
    recipe, device = load_recipe(name), torch.device("cpu")
    make = partial(build_family, recipe.family, recipe.settings, shape_of(dataset))
    family = initialise(make, seed)
    batches = Batches(dataset.train, family.settings.batch_size, seed, device)
    train(family, batches, images, seed, device=device)
    with torch.inference_mode():
        made: Tensor = family.sample(len(dataset.test), generator(seed, "samples"))  # type: ignore[attr-defined]
    return to_uint8(made)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+")
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--images", type=int, default=16_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    dataset = load_dataset(arguments.dataset)
    network = load_extractor(dataset.card.extractor)
    sets = {
        name: samples_of(name, dataset, arguments.images, arguments.seed)
        for name in arguments.models
    }
    features = {name: network.extract(images).pooled for name, images in sets.items()}
    real = [network.extract(part.images).pooled for part in (dataset.train, dataset.test)]
    areas = {(t.learnt_from, t.tested_on): t.area.value for t in cross_tests(features, *real)}
    heads = ["learnt from", *(f"`{name}`" for name in features)]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for a in features:
        print(f"| `{a}` | {' | '.join(f'{areas[a, b]:.3f}' for b in features)} |")


if __name__ == "__main__":
    main()
