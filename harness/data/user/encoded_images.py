"""Images that are read one after the other from a container of encoded ones: rows of a table, or
members of an archive. Memory holds a few at a time, and the prepared set is mapped from disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import BadInput
from harness.data.base import Split
from harness.data.block_set import BlockSet, ImageBlock
from harness.data.image_files import Header, decode_image, planes, read_header
from harness.data.image_memory import check_set
from harness.data.image_threads import THREADS
from harness.data.user.image_options import ImageOptions, SquareShape
from harness.data.user.layout import check_split

if TYPE_CHECKING:
    from harness.data.image_search import ImageFile

VERSION = 1
"""Raised when the code that makes pixels of encoded images changes; sets are then made again."""
CHUNK = 32 * THREADS
"""Images that are decoded at a time."""


class EncodedImage(NamedTuple):
    """The content of an image file, and a name for errors. It is read as a file of an archive is
    (`harness.data.image_archive.Member`).
    """

    name: str
    content: bytes

    def read_bytes(self) -> bytes:
        """The content."""
        return self.content

    def open(self, mode: str = "rb") -> BytesIO:
        """As of a path, to be read."""
        assert mode == "rb"
        return BytesIO(self.content)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class EncodedSplit:
    """The labels of a split, int64 n, and what reads its images, in order, from the first each
    time that it is called.
    """

    labels: NDArray[np.int64]
    read: Callable[[], Iterator[EncodedImage]]


@dataclass(frozen=True)
class EncodedImages:
    """The splits of a set, "train" and "test". `place` is where they are from, for errors, `name`
    what the store calls the set, and `content` names its images as a digest does.
    """

    place: str
    name: str
    content: object
    splits: Mapping[str, EncodedSplit]

    def load(self, root: Path, options: ImageOptions) -> tuple[Split, Split]:
        """The train and the test split, prepared once below `root`.

        Raises BadInput where an image cannot be decoded, as `harness.data.image_files.open_files`,
        where images do not fit together by these `options`, and where there are too few.
        """
        counts = {name: len(split.labels) for name, split in self.splits.items()}
        check_split(Path(self.place), counts["train"], counts["test"])
        shape = self._shape(options)
        for count in counts.values():
            check_set(Path(self.place), count, shape.channels, shape.size, shape.size)
        key = {"version": VERSION, "form": asdict(options), "content": self.content}
        sides = (shape.channels, shape.size, shape.size)
        stored = BlockSet(self.name, self.place, key, counts, sides)
        return stored.load(root, partial(self._blocks, options))

    def _shape(self, options: ImageOptions) -> SquareShape:
        """The shape that images are converted to; of all headers, unless the options say it."""
        if options.size and options.channels:
            return SquareShape(options.channels, options.size)
        names: dict[Header, str] = {}
        for split in self.splits.values():
            for image in split.read():
                names.setdefault(_header(image), image.name)
        return options.shape(names)

    def _blocks(self, options: ImageOptions, name: str) -> Iterator[ImageBlock]:
        """The images of a split, decoded in threads."""
        split = self.splits[name]
        images, start = split.read(), 0
        with ThreadPoolExecutor(THREADS) as pool:
            while chunk := list(islice(images, CHUNK)):
                stop = start + len(chunk)
                pixels = list(pool.map(partial(_decoded, options), chunk))
                yield ImageBlock(np.stack(pixels), split.labels[start:stop])
                start = stop


def _header(image: EncodedImage) -> Header:
    return read_header(cast("ImageFile", image))


def _decoded(options: ImageOptions, image: EncodedImage) -> NDArray[np.uint8]:
    """An image, uint8 C×S×S."""
    return planes(options.apply(decode_image(cast("ImageFile", image), _header(image))))


def numbered(values: list[object], place: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels from 0 for values that are all whole numbers or all texts, and the names of the
    classes: the values in order. Raises BadInput for other values.
    """
    kinds = {type(value) for value in values}
    if kinds not in ({int}, {str}):
        names = " and ".join(sorted(kind.__name__ for kind in kinds)) or "nothing"
        raise BadInput(f"{place}: labels are {names}; whole numbers or texts are needed")
    classes = sorted(set(values), key=lambda value: cast("str", value))
    numbers = {value: number for number, value in enumerate(classes)}
    labels = np.array([numbers[value] for value in values], np.int64)
    return labels, tuple(str(value) for value in classes)
