"""Two domains for unpaired translation, made from any set of images.

`unpaired=outlines` changes half of the training images, the first domain, and keeps the other half,
the second. So no training image has its counterpart in the training set, and every test image has
one. `unpaired=cat+dog` takes two classes as domains; their counterparts are not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.core.errors import BadInput
from harness.core.seeding import generator
from harness.data.base import DatasetCard, Split
from harness.data.tasks import OPTIONS, UNPAIRED, labels_of

VERSION = 1
"""Raised when a change gives other bytes, or the training images are divided otherwise."""

LEAST = 2
"""Images of each domain in each split."""


def outlines(images: Tensor) -> Tensor:
    """Subtract from each pixel of uint8 N×C×S×S the minimum of itself and its four neighbours.

    Bright figures keep outlines of one pixel in their own colours. Pixels beyond the border are
    black.
    """
    padded = F.pad(images, (1, 1, 1, 1))
    across, down = padded[..., 1:-1, :], padded[..., 1:-1]
    least = images
    for neighbour in (across[..., 2:], across[..., :-2], down[..., 2:, :], down[..., :-2, :]):
        least = torch.minimum(least, neighbour)
    return images - least


def inverted(images: Tensor) -> Tensor:
    """Dark for bright, uint8 of any shape."""
    return 255 - images


def dimmed(images: Tensor) -> Tensor:
    """Half as bright, rounded down, in the same colours: uint8 of any shape."""
    return images // 2


CHANGES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "outlines": outlines,
    "inverted": inverted,
    "dimmed": dimmed,
}
AS_THEY_ARE = "images"
"""The class of images that were not changed."""


@dataclass(frozen=True)
class ChangedImages:
    """The domains: images changed by the function that `how` names, and images as they are."""

    how: str

    @property
    def names(self) -> tuple[str, str]:
        """The names of the two domains."""
        return self.how, AS_THEY_ARE

    def apply(self, train: Split, test: Split) -> tuple[Split, Split]:
        """Change half of the training images. Each test image is in the test split twice, changed
        and as it is; each of the two is the other's source.
        """
        change = CHANGES[self.how]
        order = torch.randperm(len(train), generator=generator(0, "domains", VERSION))
        is_first = torch.zeros(len(train), dtype=torch.bool)
        is_first[order[: len(train) // 2]] = True
        images = train.images.clone()
        images[is_first] = change(images[is_first])
        changed = change(test.images)
        return Split(images, (~is_first).long(), unpaired=True), Split(
            torch.cat([changed, test.images]),
            torch.arange(2).repeat_interleave(len(test)),
            sources=torch.cat([test.images, changed]),
        )


@dataclass(frozen=True)
class TwoClasses:
    """The domains: two classes of the set, by their labels."""

    labels: tuple[int, int]
    names: tuple[str, str]

    def apply(self, train: Split, test: Split) -> tuple[Split, Split]:
        """Keep the images of the two classes. The first of `labels` is the first domain."""
        train, test = self._only(train), self._only(test)
        return replace(train, unpaired=True), test

    def _only(self, split: Split) -> Split:
        subset = split.keep(torch.isin(split.labels, torch.tensor(self.labels)))
        return Split(subset.images, (subset.labels == self.labels[1]).long())


Domains = ChangedImages | TwoClasses


def domains(name: str, options: Mapping[str, str], classes: tuple[str, ...]) -> Domains | None:
    """Return the domains that the options of the dataset `name` ask for, or None.

    Raises BadInput where `classes` have no such two, and where another task is asked for too.
    """
    text = options.get(UNPAIRED)
    if text is None:
        return None
    if others := [option for option in OPTIONS if option in options and option != UNPAIRED]:
        raise BadInput(f"{name}: {UNPAIRED} and {others[0]} do not go together; choose one")
    if text in CHANGES:
        return ChangedImages(text)
    try:
        labels = labels_of(text, classes)
    except BadInput as error:
        raise BadInput(f"{name}: {UNPAIRED}={error}") from None
    if labels is None or len(labels) != 2 or labels[0] == labels[1]:
        raise BadInput(
            f"{name}: {UNPAIRED}={text}; right are {', '.join(CHANGES)}, or two classes of the set "
            "joined by +, such as cat+dog or 3+5"
        )
    first, second = labels
    return TwoClasses((first, second), (classes[first], classes[second]))


def split_in_two(name: str, pair: Domains, train: Split, test: Split) -> tuple[Split, Split]:
    """Return the splits for unpaired translation, whose labels are the domains.

    Raises BadInput where the images of the dataset `name` do not suit it.
    """
    if train.images.dtype != torch.uint8:
        raise BadInput(f"{name}: its data are no images of bytes, which {UNPAIRED} needs")
    if train.sources is not None or train.unpaired:
        raise BadInput(f"{name}: its images are made from others already, or of two domains")
    if test.masks is not None:
        raise BadInput(f"{name}: its classes are defects, and no domains")
    train, test = pair.apply(train, test)
    for part, split in (("train", train), ("test", test)):
        for domain, count in zip(pair.names, _counts(split), strict=True):
            if count < LEAST:
                raise BadInput(
                    f"{name}: {int(count)} {part} images of {domain}; {LEAST} are needed"
                )
    return train, test


def about_domains(card: DatasetCard, pair: Domains) -> DatasetCard:
    """What a reader must know of the set once it consists of two domains."""
    title = f"{card.title}: {' and '.join(pair.names)}, unpaired"
    return replace(card, title=title, classes=pair.names, factors=(), corners=0)


def _counts(split: Split) -> list[int]:
    counts: list[int] = split.labels.bincount(minlength=2).tolist()
    return counts
