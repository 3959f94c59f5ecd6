"""What is done to a training image each time it is shown.

A presentation is a pure function of images and keys, one key for each place in the endless sequence
of training images. So every model of a seed sees the same, whatever its batch size, and a resumed
run needs nothing but an index.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from harness import seeding
from harness.data.corruption import VERSION, Corruption
from harness.data.counter import BITS, draws, keys
from harness.data.pixels import to_float

T = TypeVar("T")

CHUNK = 1000
"""Images changed at a time: what is in between takes several times their memory."""


class Shown(NamedTuple):
    """What a model is shown: images float32 N×C×S×S in [-1, 1] and labels int64 N.

    Where images are to be made from others, `source` has those, as floats alike; and `mask`
    float32 N×1×S×S is 1 where the source's pixels are known, if the model is told. Where images
    have texts, `words` has those of each (`harness.data.words`), int64 N×L.
    """

    x: Tensor
    labels: Tensor
    source: Tensor | None = None
    mask: Tensor | None = None
    words: Tensor | None = None


class Presentation(Protocol):
    """Turns stored images into what is shown. `label` says how, for the digest of the data."""

    @property
    def label(self) -> str:
        """Everything that the outcome depends on besides images and keys."""
        ...

    def __call__(self, images: Tensor, labels: Tensor, keys: Tensor) -> Shown:
        """Images uint8 N×C×S×S, labels int64 N and keys int64 N → what is shown."""
        ...


@dataclass(frozen=True)
class Corrupted:
    """Images to be repaired, damaged anew each time."""

    corruption: Corruption

    @property
    def label(self) -> str:
        """The kind of damage, its amount and its version."""
        return f"{self.corruption} v{VERSION}"

    def __call__(self, images: Tensor, labels: Tensor, keys: Tensor) -> Shown:
        """The clean image, with its damaged copy as the source."""
        damaged, known = self.corruption(images, keys)
        mask = None if known is None else known[:, None].float()
        return Shown(to_float(images), labels, to_float(damaged), mask)


@dataclass(frozen=True)
class Binarised:
    """Each value white or black by chance, drawn anew each time (dynamic binarisation)."""

    label = "binarised v1"

    def __call__(self, images: Tensor, labels: Tensor, keys: Tensor) -> Shown:
        """As `binarise`."""
        return Shown(to_float(binarise(images, keys)), labels)


@dataclass(frozen=True)
class Dequantised:
    """Each value at a random place of the interval that rounds to it, drawn anew each time."""

    label = "dequantised v1"

    def __call__(self, images: Tensor, labels: Tensor, keys: Tensor) -> Shown:
        """(u + U[0, 1) − ½) / 127.5 − 1, as `harness.metrics.dequantise` does to test images
        (Theis et al. 2016, arXiv:1511.01844, section 3.1).
        """
        noise = draws(keys, images[0].numel()).view_as(images).double() / 2**BITS - 0.5
        return Shown(((images + noise) / 127.5 - 1).float(), labels)


def binarise(images: Tensor, keys: Tensor) -> Tensor:
    """uint8 → uint8, each value 255 with probability value / 255 and otherwise 0, by keys N."""
    drawn = draws(keys, images[0].numel()).view_as(images)
    # draw / 2⁵³ < value / 255 in whole numbers, which fit into 63 bits.
    white = drawn * 255 < images.long() << BITS
    return white.to(torch.uint8) * 255


def stored(change: Callable[[Tensor, Tensor], T], images: Tensor, part: str) -> list[T]:
    """`change` of the stored images of a split, `part`, some at a time, with keys that follow from
    their places in it alone.
    """
    seed = seeding.derive(0, "stored", part)
    places = torch.arange(len(images))
    return [change(images[some], keys(seed, some)) for some in torch.split(places, CHUNK)]
