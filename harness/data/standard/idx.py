"""The `idx` files of MNIST and its relatives, plain or compressed, read in pieces."""

from __future__ import annotations

import gzip
import lzma
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import BadInput, read_error

Stream = IO[bytes] | gzip.GzipFile

TYPES: dict[int, np.dtype[Any]] = {0x08: np.dtype(np.uint8), 0x0C: np.dtype(">i4")}
"""Of the format's types, those that these sets use: bytes, and big-endian integers."""

BLOCK = 10_000
"""Images, or labels, read at a time."""

MAX_ITEM_BYTES = 2**14
"""Of one image or label: a damaged header asks for more."""


def read_idx(path: Path, member: str = "") -> Iterator[NDArray[Any]]:
    """The array in `path`, in blocks along its first dimension; `.gz` files are unpacked.

    With `member` the path is a zip archive and the file is in it. Raises BadInput where the file is
    cut short, longer than it says, or not idx.
    """
    where = f"{path}:{member}" if member else str(path)
    try:
        with _opened(path, member) as stream:
            kind, shape = _header(where, stream)
            each = kind.itemsize * math.prod(shape[1:])
            if not 0 < each <= MAX_ITEM_BYTES:
                raise BadInput(f"{where}: says that its items are {each:,} bytes each")
            for start in range(0, shape[0], BLOCK):
                count = min(BLOCK, shape[0] - start)
                content = stream.read(count * each)
                if len(content) < count * each:
                    raise BadInput(f"{where}: cut short; it says {shape[0]:,} items")
                yield np.frombuffer(content, kind).reshape(count, *shape[1:])
            if stream.read(1):
                raise BadInput(f"{where}: more bytes than the {shape[0]:,} items that it says")
    except (OSError, EOFError, KeyError, zlib.error, lzma.LZMAError, BadZipFile) as error:
        raise read_error(where, error) from error


@contextmanager
def _opened(path: Path, member: str) -> Iterator[Stream]:
    if member:
        with ZipFile(path) as archive, archive.open(member) as packed, gzip.open(packed) as stream:
            yield stream
    elif path.suffix == ".gz":
        with gzip.open(path) as stream:
            yield stream
    else:
        with path.open("rb") as stream:
            yield stream


def _header(where: str, stream: Stream) -> tuple[np.dtype[Any], tuple[int, ...]]:
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in TYPES or not start[3]:
        raise BadInput(f"{where}: not an idx file of bytes or 32-bit integers")
    sizes = stream.read(4 * start[3])
    if len(sizes) < 4 * start[3]:
        raise BadInput(f"{where}: cut short in its header")
    return TYPES[start[2]], tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
