"""Sets whose official files are photographs, decoded once and given one size."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.core.errors import BadInput, read_error
from harness.data.base import Split
from harness.data.block_set import BlockSet, ImageBlock
from harness.data.image_files import planes
from harness.data.image_memory import check_pixels
from harness.data.image_threads import THREADS
from harness.data.standard.sizing import Sizing

VERSION = 1
"""Raised when the code that makes arrays of files changes; sets are then prepared again."""

FORMATS = ("JPEG", "PNG", "WEBP")
CHUNK = 32 * THREADS
"""Images that are decoded at a time: what memory holds of the encoded ones."""

Encoded = tuple[str, Callable[[], bytes]]
"""A name for errors, and what reads the file."""


@dataclass(frozen=True)
class Photographs:
    """The images of a split, in order, and what is known of them."""

    encoded: Iterator[Encoded]
    labels: NDArray[np.int64]
    factors: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class EncodedSet:
    """A set of `counts` photographs (by split), each with `factors` numbers that describe it.

    `identity` names the content of its files. `open` finds the photographs of a split, and is
    called only where the set is not prepared yet, after `provide`. The square of `crop` pixels in
    the middle of each is taken, if given, before it is resized.
    """

    name: str
    identity: Mapping[str, object]
    counts: Mapping[str, int]
    open: Callable[[str], Photographs]
    factors: int = 0
    crop: int | None = None
    provide: Callable[[], object] | None = None

    def load(self, root: Path, sizing: Sizing) -> tuple[Split, Split]:
        """The train and the test split, RGB, prepared once below `root`.

        Every image is made RGB by Pillow, as in torchvision, whatever its file has (grey, CMYK).
        Raises BadInput for one that is damaged, naming it.
        """
        key = {
            "version": VERSION,
            "files": dict(self.identity),
            "size": sizing.size,
            "filter": sizing.filter,
            "crop": self.crop,
        }
        shape = (3, sizing.size, sizing.size)
        stored = BlockSet(self.name, self.name, key, self.counts, shape, self.factors)
        decode = partial(_decode, sizing, self.crop)
        return stored.load(root, lambda split: _decoded(self.open(split), decode), self.provide)


def _decoded(
    images: Photographs, decode: Callable[[Encoded], NDArray[np.uint8]]
) -> Iterator[ImageBlock]:
    """In threads, which Pillow leaves free while it decodes."""
    start = 0
    with warnings.catch_warnings(), ThreadPoolExecutor(THREADS) as pool:
        warnings.filterwarnings("ignore", module="PIL")  # of oddities in metadata
        while chunk := list(islice(images.encoded, CHUNK)):
            rows = slice(start, start + len(chunk))
            factors = None if images.factors is None else images.factors[rows]
            pixels = np.stack(list(pool.map(decode, chunk)))
            yield ImageBlock(pixels, images.labels[rows], factors)
            start = rows.stop


def _decode(sizing: Sizing, crop: int | None, encoded: Encoded) -> NDArray[np.uint8]:
    """One image, 3×S×S."""
    name, read = encoded
    try:
        with Image.open(io.BytesIO(read()), formats=FORMATS) as image:
            check_pixels(Path(name), *image.size)
            whole = image.convert("RGB")
    except BadInput:
        raise
    except Exception as error:  # a damaged file makes decoders raise almost anything
        raise read_error(name, error, "decoded") from error
    if crop:
        left, top = (whole.width - crop) // 2, (whole.height - crop) // 2
        whole = whole.crop((left, top, left + crop, top + crop))
    return planes(sizing.apply(whole))
