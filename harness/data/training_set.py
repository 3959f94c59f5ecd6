"""Options that change which training images a model is shown; test images stay as they are.

`validation=0.1` keeps that share of the training images out of training, to set thresholds on.
`train=100` keeps that many of the rest, `outliers=0.1` replaces that share of these by noise.
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

SUBSET, OUTLIERS, VALIDATION = "train", "outliers", "validation"
OPTIONS = (SUBSET, OUTLIERS, VALIDATION)
"""The options that a dataset takes unless it has one of that name itself."""

FEWEST_TRAINING = 2
"""Training images of a dataset: one alone has no spread."""

CHUNK = 1000
"""Images of noise drawn at a time: the integers take eight times their memory."""

_COUNT = re.compile(r"[1-9][0-9]{0,17}")
_SHARE = re.compile(r"0(\.[0-9]*[1-9])?")


@dataclass(frozen=True)
class TrainingSet:
    """The training images that options ask for: the share `validation`, in [0, 1), is kept out;
    `images` of the rest are taken (all where None), with the share `outliers` of them, in [0, 1),
    replaced by noise.
    """

    images: int | None = None
    outliers: float = 0.0
    validation: float = 0.0

    def check(self, name: str, count: int) -> None:
        """Raise BadInput where the dataset `name`, of `count` training images, has too few."""
        if self.images and self.images > count:
            raise BadInput(
                f"{name}: {SUBSET}={self.images}, but there are {count:,} training images"
            )

    def split(self, name: str, train: Split) -> tuple[Split, Split | None]:
        """Return the training images of the dataset `name` that stay, and the ones that are kept
        out; None where none are. Raises BadInput where there are too few.
        """
        if not self.validation:
            return train, None
        self._check_one_domain(name, train, VALIDATION)
        is_kept_out = _marked_share(name, len(train), VALIDATION, self.validation, ("keeps", "out"))
        return train.keep(~is_kept_out), train.keep(is_kept_out)

    def apply(self, name: str, train: Split) -> Split:
        """Return the images that are shown of the training images of the dataset `name`. A smaller
        number of them is part of every larger one. Raises BadInput where they do not suit the
        options.
        """
        if not self.images and not self.outliers:
            return train
        self._check_one_domain(name, train, SUBSET if self.images else OUTLIERS)
        self.check(name, len(train))
        if self.images:
            train = train.keep(_lowest(self.images, len(train), SUBSET))
        return self._with_outliers(name, train) if self.outliers else train

    @staticmethod
    def _check_one_domain(name: str, train: Split, option: str) -> None:
        if train.unpaired:
            raise BadInput(f"{name}: its training images are of two domains; {option} is for one")

    def _with_outliers(self, name: str, train: Split) -> Split:
        if train.images.dtype != torch.uint8:
            raise BadInput(f"{name}: its data are no images of bytes, which {OUTLIERS} needs")
        if train.sources is not None:
            raise BadInput(f"{name}: its images are made from others; noise is made from none")
        is_noise = _marked_share(name, len(train), OUTLIERS, self.outliers, ("makes", "noise"))
        images = train.images.clone()
        images[is_noise] = _noise(is_noise.nonzero()[:, 0], images.shape[1:])
        return replace(train, images=images, outliers=is_noise, known_digest="")


def training_set(name: str, options: Mapping[str, str]) -> TrainingSet:
    """Return the training images that the options of the dataset `name` ask for. Raises BadInput
    where a value is no number in its range.
    """
    count, shares = options.get(SUBSET), {}
    if count is not None and not (_COUNT.fullmatch(count) and int(count) >= FEWEST_TRAINING):
        raise BadInput(f"{name}: {SUBSET}={count}; right is a whole number from {FEWEST_TRAINING}")
    for option in (OUTLIERS, VALIDATION):
        if not _SHARE.fullmatch(share := options.get(option, "0")):
            raise BadInput(
                f"{name}: {option}={share}; right is a share from 0 to below 1, such as 0.1"
            )
        shares[option] = float(share)
    return TrainingSet(int(count) if count else None, **shares)


def _marked_share(
    name: str, total: int, option: str, share: float, effect: tuple[str, str]
) -> Tensor:
    """Mark the `share` of `total` images that `option` asks for, bool N. Raises BadInput where that
    is no image, or where too few are left; `effect` says in the error what the option does: "keeps"
    images "out".
    """
    count, most = round(share * total), total - FEWEST_TRAINING
    if not 0 < count <= most:
        verb, end = effect
        raise BadInput(
            f"{name}: {option}={share} {verb} {count:,} of {total:,} training images {end}; right "
            f"is from 1 to {most:,}"
        )
    return _lowest(count, total, option)


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
