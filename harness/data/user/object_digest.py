"""Which images an object of somebody else's class has, without decoding them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor


def digest_of_object(thing: object, folder: Path) -> str:
    """The SHA-256 of an object's attributes: of arrays their values; of files that are named and
    lie in `folder`, and of the files in folders that are, name, size and time of change.
    """
    total = hashlib.sha256()
    for part in _parts(dict(sorted(vars(thing).items())), folder):
        total.update(part)
        total.update(b"\0")
    return total.hexdigest()


def _parts(value: Any, folder: Path) -> Iterator[bytes]:
    if isinstance(value, Tensor):
        value = value.numpy()
    if isinstance(value, np.ndarray) and value.dtype != object:
        yield f"{value.dtype}{value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield str(key).encode()
            yield from _parts(part, folder)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _parts(part, folder)
    elif isinstance(value, str | Path):
        yield from _path_parts(Path(value), str(value), folder)
    elif isinstance(value, int | float | bool | bytes | None):
        yield repr(value).encode()
    else:
        yield type(value).__name__.encode()


def _path_parts(path: Path, text: str, folder: Path) -> Iterator[bytes]:
    if not path.is_absolute() or not path.is_relative_to(folder):
        yield text.encode("utf-8", "surrogateescape")
        return
    yield path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape")
    files = sorted(path.iterdir()) if path != folder and path.is_dir() else [path]
    for file in files:
        if file.is_file():
            status = file.stat()
            yield f"{file.name} {status.st_size} {status.st_mtime_ns}".encode(
                "utf-8", "surrogateescape"
            )
