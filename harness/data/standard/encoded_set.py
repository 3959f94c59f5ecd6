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
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.core.errors import BadInput
from harness.data.base import Split
from harness.data.image_files import planes
from harness.data.image_memory import check_pixels
from harness.data.image_threads import THREADS
from harness.data.progress import bar
from harness.data.standard.sizing import Sizing
from harness.data.store import is_prepared, prepared

VERSION = 1
"""Raised when the code that makes arrays of files changes; sets are then prepared anew."""

Arrays = dict[str, tuple[tuple[int, ...], type]]

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
    called only where the set is not prepared yet. The square of `crop` pixels in the middle of
    each is taken, if given, before it is resized.
    """

    name: str
    identity: Mapping[str, object]
    counts: Mapping[str, int]
    open: Callable[[str], Photographs]
    factors: int = 0
    crop: int | None = None

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
        arrays = self._arrays(sizing.size)
        opened = {}
        if not is_prepared(root, self.name, key, arrays):
            opened = {split: self.open(split) for split in self.counts}
        stored = prepared(root, self.name, key, arrays, partial(self._fill, opened, sizing))
        return stored.split("train"), stored.split("test")

    def _arrays(self, size: int) -> Arrays:
        arrays: Arrays = {}
        for split, count in self.counts.items():
            arrays[f"{split}.images"] = ((count, 3, size, size), np.uint8)
            arrays[f"{split}.labels"] = ((count,), np.int64)
            if self.factors:
                arrays[f"{split}.factors"] = ((count, self.factors), np.int64)
        return arrays

    def _fill(
        self,
        opened: Mapping[str, Photographs],
        sizing: Sizing,
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        decode = partial(_decode, sizing, self.crop)
        with bar(f"preparing {self.name}", sum(self.counts.values())) as advance:
            for split, images in opened.items():
                arrays[f"{split}.labels"][:] = images.labels
                if images.factors is not None:
                    arrays[f"{split}.factors"][:] = images.factors
                _decode_all(images.encoded, decode, arrays[f"{split}.images"], advance)


def _decode_all(
    encoded: Iterator[Encoded],
    decode: Callable[[Encoded], NDArray[np.uint8]],
    target: NDArray[np.uint8],
    advance: Callable[[int], None],
) -> None:
    """In threads, which Pillow leaves free while it decodes."""
    start = 0
    with warnings.catch_warnings(), ThreadPoolExecutor(THREADS) as pool:
        warnings.filterwarnings("ignore", module="PIL")  # of oddities in metadata
        while chunk := list(islice(encoded, CHUNK)):
            for index, pixels in enumerate(pool.map(decode, chunk), start):
                target[index] = pixels
            start += len(chunk)
            advance(len(chunk))
    if start != len(target):
        raise BadInput(f"{start:,} images were read where {len(target):,} were counted")


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
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadInput(f"{name}: cannot be decoded; cut short or damaged ({reason})") from error
    if crop:
        left, top = (whole.width - crop) // 2, (whole.height - crop) // 2
        whole = whole.crop((left, top, left + crop, top + crop))
    return planes(sizing.apply(whole))
