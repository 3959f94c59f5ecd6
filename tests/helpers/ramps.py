"""Small images that every recipe can be trained on, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from harness.config.recipe import load_recipe
from harness.data.base import Split
from harness.data.batch import Batch
from harness.data.pixels import to_uint8
from harness.data.tokenizer import Tokenizer
from harness.families import FAMILIES, build_family
from harness.families.base import Family, ImageShape
from harness.families.capabilities import Remembers
from harness.training.init import initialise


class Ramps:
    """Batches of up to 32 linear ramps, the same on every machine."""

    def __init__(self, with_sources: bool, size: int = 32, frames: int = 1) -> None:
        self.with_sources = with_sources
        self.size = size
        self.frames = frames

    def batch(self, index: int) -> Batch:
        steepness = torch.linspace(-1, 1, 32).roll(index)[:, None, None, None]
        x = steepness * torch.linspace(-1, 1, 16).expand(32, 1, 16, 16)
        x = torch.cat([x.roll(frame, dims=0) for frame in range(self.frames)], dim=1)
        labels = torch.arange(32) % 4
        words = 1 + (torch.arange(32)[:, None] + torch.arange(3)) % 7
        sources = x.flip(3)[: self.size] if self.with_sources else None
        tokens = 2 + (torch.arange(32)[:, None] + torch.arange(3)) % 4
        tokens[:, 0] = 1
        return Batch(
            x[: self.size], labels[: self.size], sources, words=words[: self.size],
            tokens=tokens[: self.size],
        )  # fmt: skip

    def epoch(self) -> Iterator[Batch]:
        return (self.batch(index) for index in range(3))

    def of_size(self, batch_size: int) -> Ramps:
        return self

    def split(self) -> Split:
        batches = list(self.epoch())
        images = torch.cat([to_uint8(batch.x) for batch in batches])
        return Split(images, torch.cat([batch.labels for batch in batches]))


def ramps_family(name: str) -> tuple[Family, Ramps]:
    """A recipe's untrained model of small images, and batches for it."""
    recipe = load_recipe(name)
    packing = recipe.settings.get("discriminator", {}).get("packing", 1)
    size = 32 - 32 % packing  # a batch that divides into packs
    takes_steps = FAMILIES.load(recipe.family).takes_steps
    settings = recipe.settings | ({"batch_size": size} if takes_steps else {})
    if settings.get("features"):
        settings["features"] = "classifier:digits"  # of images of this shape
    if "pairs" in settings:
        settings |= {"pairs": 64, "pair_steps": 2}  # of images that are made before a phase
    with_sources = recipe.family in ("translation", "pix2pix", "restoring-diffusion")
    frames = 3 if recipe.family == "video-diffusion" else 1
    shape = ImageShape(
        frames, 16, frames=frames, classes=4, source_channels=int(with_sources), texts=True,
        unpaired=recipe.family == "cyclegan", tokenizer=Tokenizer(("a", "b", "c", "d"), 2),
    )  # fmt: skip
    family = initialise(lambda: build_family(recipe.family, settings, shape), seed=0)
    ramps = Ramps(with_sources, size, frames)
    if isinstance(family, Remembers):
        family.remember(ramps.split(), seed=0)
    return family, ramps
