"""Sets whose official files hold arrays of pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from harness.core.errors import BadInput
from harness.data.base import DatasetCard, Split
from harness.data.block_set import BlockSet, ImageBlock
from harness.data.resizing import DEFAULT_FILTER
from harness.data.source import DatasetFactory, Source
from harness.data.standard import sizing
from harness.data.standard.files import Files
from harness.data.standard.sizing import Sizing

VERSION = 1
"""Raised when the code that makes arrays of files changes; sets are then prepared again."""


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
        folder = root / self.files.folder
        shape = (self.shape[0], sizing.size, sizing.size)
        stored = BlockSet(self.name, str(folder), key, self.counts, shape, len(self.card.factors))
        blocks = partial(self._sized_blocks, folder, sizing)
        return stored.load(root, blocks, partial(self.files.provide, root))

    def _sized_blocks(self, folder: Path, sizing: Sizing, split: str) -> Iterator[ImageBlock]:
        for block in self.blocks(folder, split):
            self._check_labels(folder, block)
            yield block._replace(images=sizing.apply_all(block.images))
            del block  # before the next is read

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
