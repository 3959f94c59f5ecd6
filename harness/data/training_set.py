"""Options that change which training images a model is shown; test images stay as they are.

`train=100` keeps that many training images, `outliers=0.1` replaces that share of them by noise.
What is drawn depends on nothing but the number of images, and is the same on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from harness.core import seeding
from harness.core.errors import BadInput
from harness.data.base import Split
from harness.data.counter_rng import BITS, keys, random_integers

SUBSET, OUTLIERS = "train", "outliers"
OPTIONS = (SUBSET, OUTLIERS)
"""The options that a dataset takes unless it has one of that name itself."""

FEWEST_TRAINING = 2
"""Training images of a dataset: one alone has no spread."""

CHUNK = 1000
"""Images of noise drawn at a time: the integers take eight times their memory."""

_COUNT = re.compile(r"[1-9][0-9]{0,17}")
_SHARE = re.compile(r"0(\.[0-9]*[1-9])?")


@dataclass(frozen=True)
class TrainingSet:
    """The training images that options ask for: `images` of them (all where None), with the share
    `outliers` of them, in [0, 1), replaced by noise.
    """

    images: int | None = None
    outliers: float = 0.0

    def check(self, name: str, count: int) -> None:
        """Raise BadInput where the dataset `name`, of `count` training images, has too few."""
        if self.images and self.images > count:
            raise BadInput(
                f"{name}: {SUBSET}={self.images}, but there are {count:,} training images"
            )

    def apply(self, name: str, train: Split) -> Split:
        """Return the training images of the dataset `name` that are shown. A smaller number of
        them is part of every larger one. Raises BadInput where they do not suit the options.
        """
        if self == TrainingSet():
            return train
        if train.unpaired:
            option = SUBSET if self.images else OUTLIERS
            raise BadInput(f"{name}: its training images are of two domains; {option} is for one")
        self.check(name, len(train))
        if self.images:
            train = train.keep(_lowest(self.images, len(train), SUBSET))
        return self._with_outliers(name, train) if self.outliers else train

    def _with_outliers(self, name: str, train: Split) -> Split:
        if train.images.dtype != torch.uint8:
            raise BadInput(f"{name}: its data are no images of bytes, which {OUTLIERS} needs")
        if train.sources is not None:
            raise BadInput(f"{name}: its images are made from others; noise is made from none")
        count = round(self.outliers * len(train))
        if not 0 < count <= len(train) - FEWEST_TRAINING:
            raise BadInput(
                f"{name}: {OUTLIERS}={self.outliers} makes {count:,} of {len(train):,} training "
                f"images noise; right is from 1 to {len(train) - FEWEST_TRAINING:,}"
            )
        is_noise = _lowest(count, len(train), OUTLIERS)
        images = train.images.clone()
        images[is_noise] = _noise(is_noise.nonzero()[:, 0], images.shape[1:])
        return replace(train, images=images, outliers=is_noise, known_digest="")


def training_set(name: str, options: Mapping[str, str]) -> TrainingSet:
    """Return the training images that the options of the dataset `name` ask for. Raises BadInput
    where a value is no number in its range.
    """
    count, share = options.get(SUBSET), options.get(OUTLIERS)
    if count is not None and not (_COUNT.fullmatch(count) and int(count) >= FEWEST_TRAINING):
        raise BadInput(f"{name}: {SUBSET}={count}; right is a whole number from {FEWEST_TRAINING}")
    if share is not None and not _SHARE.fullmatch(share):
        raise BadInput(
            f"{name}: {OUTLIERS}={share}; right is a share from 0 to below 1, such as 0.1"
        )
    return TrainingSet(int(count) if count else None, float(share or 0))


def _lowest(count: int, total: int, option: str) -> Tensor:
    """Mark `count` of `total` images, bool N: those with the lowest draws, one an image."""
    seed = seeding.derive(0, "training set", option)
    draws = random_integers(keys(seed, torch.arange(total)), 1)[:, 0]
    marks = torch.zeros(total, dtype=torch.bool)
    marks[draws.argsort(stable=True)[:count]] = True
    return marks


def _noise(positions: Tensor, shape: torch.Size) -> Tensor:
    """Images of uniform pixels for these positions in the training set: uint8 N×C×S×S."""
    seed = seeding.derive(0, "training set", "noise")
    pieces = [
        random_integers(keys(seed, some), shape.numel()) >> (BITS - 8)
        for some in torch.split(positions, CHUNK)
    ]
    return torch.cat([piece.to(torch.uint8) for piece in pieces]).view(-1, *shape)
