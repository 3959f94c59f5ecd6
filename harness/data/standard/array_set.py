"""Sets whose official files hold arrays of pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import BadInput
from harness.data.base import DatasetCard, Split
from harness.data.progress import bar
from harness.data.resizing import DEFAULT_FILTER
from harness.data.source import DatasetFactory, Source
from harness.data.standard import sizing
from harness.data.standard.files import Files
from harness.data.standard.sizing import Sizing
from harness.data.store import is_prepared, prepared

VERSION = 1
"""Raised when the code that makes arrays of files changes; sets are then prepared anew."""

Arrays = dict[str, tuple[tuple[int, ...], type]]


class ImageBlock(NamedTuple):
    """Some images of a split, in order: uint8 B×C×H×W, labels B and, where known, factors B×F."""

    images: NDArray[np.uint8]
    labels: NDArray[Any]
    factors: NDArray[Any] | None = None


@dataclass(frozen=True)
class ArraySet:
    """A set of `counts` images (by split) of `shape` C×H×W.

    `blocks` reads those of a split from the folder of the files; what it yields is what memory
    holds at a time. `classifiers` names the classifier of images of other sizes, resized by the
    default filter.
    """

    name: str
    card: DatasetCard
    files: Files
    counts: Mapping[str, int]
    shape: tuple[int, int, int]
    blocks: Callable[[Path, str], Iterator[ImageBlock]]
    classifiers: Mapping[int, str] = field(default_factory=dict)

    def source(self, options: Mapping[str, str]) -> Source:
        """The set, resized where the options ask for it."""
        native = self.shape[1]
        sizing = Sizing.read(self.name, options, native)
        is_resized = sizing.size != native
        if "filter" in options and not is_resized:
            raise BadInput(f"{self.name}: a filter is for images that are resized; give size=N too")
        shape = (self.shape[0], sizing.size, sizing.size)
        card = self._resized_card(sizing) if is_resized else self.card
        return Source(
            replace(card, enlarged_from=native if sizing.size > native else 0),
            partial(self._load, sizing),
            files=self.files.pins,
            stored=self.name,
            shapes={split: (count, *shape) for split, count in self.counts.items()},
        )

    def _resized_card(self, sizing: Sizing) -> DatasetCard:
        """The card with the networks that judge resized images: the set's classifier of this size,
        where there is one, or else Inception, since a classifier takes images of one size only.
        """
        if not self.card.extractor.startswith("classifier:"):
            return self.card
        if sizing.filter == DEFAULT_FILTER and sizing.size in self.classifiers:
            name = self.classifiers[sizing.size]
            return replace(self.card, extractor=name, perceptual=name)
        return replace(self.card, extractor="inception", perceptual="lpips:alex")

    def _load(self, sizing: Sizing, root: Path) -> tuple[Split, Split]:
        key = {
            "version": VERSION,
            "files": self.files.identity(root),
            "size": sizing.size,
            "filter": sizing.filter,
        }
        arrays = self._arrays(sizing)
        if not is_prepared(root, self.name, key, arrays):
            self.files.provide(root)
        fill = partial(self._fill, root / self.files.folder, sizing)
        stored = prepared(root, self.name, key, arrays, fill)
        return stored.split("train"), stored.split("test")

    def _arrays(self, sizing: Sizing) -> Arrays:
        shape = (self.shape[0], sizing.size, sizing.size)
        arrays: Arrays = {}
        for split, count in self.counts.items():
            arrays[f"{split}.images"] = ((count, *shape), np.uint8)
            arrays[f"{split}.labels"] = ((count,), np.int64)
            if self.card.factors:
                arrays[f"{split}.factors"] = ((count, len(self.card.factors)), np.int64)
        return arrays

    def _fill(self, folder: Path, sizing: Sizing, arrays: Mapping[str, NDArray[Any]]) -> None:
        with bar(f"preparing {self.name}", sum(self.counts.values())) as advance:
            for split, count in self.counts.items():
                start = 0
                for block in self.blocks(folder, split):
                    stop = start + len(block.images)
                    if stop > count:
                        raise BadInput(f"{folder}: more than {count:,} {split} images")
                    self._check_labels(folder, block)
                    arrays[f"{split}.images"][start:stop] = sizing.apply_all(block.images)
                    arrays[f"{split}.labels"][start:stop] = block.labels
                    if block.factors is not None:
                        arrays[f"{split}.factors"][start:stop] = block.factors
                    advance(stop - start)
                    start = stop
                    del block  # before the next is read
                if start != count:
                    raise BadInput(f"{folder}: {start:,} {split} images instead of {count:,}")

    def _check_labels(self, folder: Path, block: ImageBlock) -> None:
        """Not every file has a pinned digest."""
        if len(block.labels) != len(block.images):
            raise BadInput(f"{folder}: {len(block.labels)} labels of {len(block.images)} images")
        classes = len(self.card.classes)
        odd = block.labels[(block.labels < 0) | (block.labels >= classes)]
        if len(odd):
            raise BadInput(f"{folder}: a label is {odd[0]}; there are {classes} classes")


def maker(plain: ArraySet) -> DatasetFactory:
    """The set under its name, with the options that resize it."""
    return DatasetFactory(lambda _, options: plain.source(options), sizing.OPTIONS)
