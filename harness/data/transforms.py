"""Random transforms of training images.

A transform is a pure function of images and keys, with one key for each position in the endless
sequence of training images. So all models with one seed see the same images, whatever their batch
size, and a resumed run needs only an index.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from harness.core import seeding
from harness.data.batch import Batch
from harness.data.corruption import VERSION, Corruption
from harness.data.counter_rng import BITS, keys, random_integers
from harness.data.pixels import to_float

T = TypeVar("T")

CHUNK = 1000
"""Images changed at a time: what is in between takes several times their memory."""


class TrainTransform(Protocol):
    """Turns stored images into a batch. `label` identifies it in the digest of the data."""

    @property
    def label(self) -> str:
        """Everything that the outcome depends on besides images and keys."""
        ...

    def __call__(self, images: Tensor, labels: Tensor, keys: Tensor) -> Batch:
        """Transform images uint8 N×C×S×S with labels int64 N by keys int64 N."""
        ...


@dataclass(frozen=True)
class RandomCorruption:
    """Corrupts images, differently each time they are shown; the model is to repair them."""

    corruption: Corruption

    @property
    def label(self) -> str:
        """The kind of damage, its amount and its version."""
        return f"{self.corruption} v{VERSION}"

    def __call__(self, images: Tensor, labels: Tensor, keys: Tensor) -> Batch:
        """Return the clean images, with their corrupted copies as sources."""
        damaged, is_known = self.corruption(images, keys)
        mask = None if is_known is None else is_known[:, None].float()
        return Batch(to_float(images), labels, to_float(damaged), mask)


@dataclass(frozen=True)
class RandomBinarisation:
    """Makes each value white or black at random each time it is shown (dynamic binarisation)."""

    label = "binarised v1"

    def __call__(self, images: Tensor, labels: Tensor, keys: Tensor) -> Batch:
        """As `binarise`."""
        return Batch(to_float(binarise(images, keys)), labels)


@dataclass(frozen=True)
class UniformDequantisation:
    """Adds uniform noise to each value within the interval that rounds to it, each time it is
    shown.
    """

    label = "dequantised v1"

    def __call__(self, images: Tensor, labels: Tensor, keys: Tensor) -> Batch:
        """Return (u + U[0, 1) − ½) / 127.5 − 1, as `harness.metrics.dequantise` does with test
        images (Theis et al. 2016, arXiv:1511.01844, section 3.1).
        """
        noise = random_integers(keys, images[0].numel()).view_as(images).double() / 2**BITS - 0.5
        return Batch(((images + noise) / 127.5 - 1).float(), labels)


def binarise(images: Tensor, keys: Tensor) -> Tensor:
    """uint8 → uint8, each value 255 with probability value / 255 and otherwise 0, by keys N."""
    drawn = random_integers(keys, images[0].numel()).view_as(images)
    # draw / 2⁵³ < value / 255 in whole numbers, which fit into 63 bits.
    white = drawn * 255 < images.long() << BITS
    return white.to(torch.uint8) * 255


def transform_stored(change: Callable[[Tensor, Tensor], T], images: Tensor, part: str) -> list[T]:
    """Apply `change` to the stored images of a split, `part`, in chunks; keys depend only on the
    index of an image in its split.
    """
    seed = seeding.derive(0, "stored", part)
    places = torch.arange(len(images))
    return [change(images[some], keys(seed, some)) for some in torch.split(places, CHUNK)]
