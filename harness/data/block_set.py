"""Sets that are prepared in the store block by block, so that memory never holds all images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import BadInput
from harness.data.base import Split
from harness.data.progress import bar
from harness.data.store import is_prepared, prepared


class ImageBlock(NamedTuple):
    """Some images of a split, in order: uint8 B×C×H×W, labels B and, where known, factors B×F."""

    images: NDArray[np.uint8]
    labels: NDArray[Any]
    factors: NDArray[Any] | None = None


SplitBlocks = Callable[[str], Iterator[ImageBlock]]
"""Yields the images of a split, "train" or "test", as many at a time as memory holds."""


@dataclass(frozen=True)
class BlockSet:
    """A prepared set of `counts` images (by split) of `shape` C×S×S, each with `factors` numbers
    that describe it.

    `key` has everything that the values depend on. `place` says in errors where the images are
    from.
    """

    name: str
    place: str
    key: Mapping[str, object]
    counts: Mapping[str, int]
    shape: tuple[int, int, int]
    factors: int = 0

    def load(
        self, root: Path, blocks: SplitBlocks, provide: Callable[[], object] | None = None
    ) -> tuple[Split, Split]:
        """The train and the test split, prepared once below `root`.

        Only where they are not prepared yet, `provide` is called, and then `blocks` for each split.
        Raises BadInput where `blocks` has more or fewer images than `counts`.
        """
        arrays: dict[str, tuple[tuple[int, ...], type]] = {}
        for split, count in self.counts.items():
            arrays[f"{split}.images"] = ((count, *self.shape), np.uint8)
            arrays[f"{split}.labels"] = ((count,), np.int64)
            if self.factors:
                arrays[f"{split}.factors"] = ((count, self.factors), np.int64)
        if provide and not is_prepared(root, self.name, self.key, arrays):
            provide()
        stored = prepared(root, self.name, self.key, arrays, partial(self._fill, blocks))
        return stored.split("train"), stored.split("test")

    def _fill(self, blocks: SplitBlocks, arrays: Mapping[str, NDArray[Any]]) -> None:
        with bar(f"preparing {self.name}", sum(self.counts.values())) as advance:
            for split, count in self.counts.items():
                start = 0
                for block in blocks(split):
                    stop = start + len(block.images)
                    if stop > count:
                        raise BadInput(f"{self.place}: more than {count:,} {split} images")
                    arrays[f"{split}.images"][start:stop] = block.images
                    arrays[f"{split}.labels"][start:stop] = block.labels
                    if block.factors is not None:
                        arrays[f"{split}.factors"][start:stop] = block.factors
                    advance(stop - start)
                    start = stop
                    del block  # before the next is read
                if start != count:
                    raise BadInput(f"{self.place}: {start:,} {split} images instead of {count:,}")
