"""Datasets that are prepared once and then mapped from disk.

A prepared set is a folder of arrays, one `.npy` each, with a `meta.json` that describes them. It is
made in a hidden folder beside its place and renamed, so that whatever has the right name is
complete. Its name has the digest of its key, which says what it was made from and how: a set is
found without reading its sources, and a changed source is another set.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from numpy.typing import DTypeLike, NDArray
from rich.filesize import decimal

from harness.core.errors import BadInput
from harness.core.files import sync
from harness.core.keys import digest
from harness.data.base import Split

Arrays = Mapping[str, tuple[tuple[int, ...], DTypeLike]]
"""Shape and type by name. `train.images` is the field `images` of the split `train`."""

Fill = Callable[[Mapping[str, NDArray[Any]]], None]
"""Writes the values of all arrays, which are zero before it."""

Specs = Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]

FORMAT = 1
"""Raised when the layout of the folder changes: older ones are then not found."""

META = "meta.json"
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Prepared:
    """Arrays on disk, mapped into memory: only the pages that are used are read.

    Nothing may write to `tensors`. `digest` identifies the values of all of them.
    """

    folder: Path
    tensors: Mapping[str, torch.Tensor]
    digest: str
    splits: Mapping[str, str]
    """`Split.digest()` by the split's name."""

    def split(self, name: str) -> Split:
        """The split whose fields are the arrays `name.*`; its digest is known."""
        return replace(_splits(self.tensors)[name], known_digest=self.splits[name])

    def verify(self) -> None:
        """Read all values. Raises BadInput naming the file that has changed since it was
        prepared.
        """
        for name, entry in _read_meta(self.folder)["arrays"].items():
            if _sha256(self.tensors[name].numpy()) != entry["sha256"]:
                raise _damaged(self.folder, f"{name}.npy has changed since")


def prepared(
    root: Path, name: str, key: Mapping[str, object], arrays: Arrays, fill: Fill
) -> Prepared:
    """Return the set `name` with this `key` below `root / "prepared"`; `fill` makes it where it is
    missing.

    `key` (plain values, as JSON has them) has everything that the values depend on: digests of the
    source files, size, filter, and a version of the code that fills. If several processes need the
    set, one fills it and the others wait. Raises BadInput where `root` cannot be written to, where
    the disk is full, and where a prepared set is damaged; if `fill` raises, nothing is left behind.
    """
    specs = _specs(arrays)
    identity = _identity(name, key, specs)
    folder = _folder(root, identity)
    if not folder.exists():
        with _alone(folder):
            if not folder.exists():  # another process may have filled it meanwhile
                _prepare(folder, identity, specs, fill)
    return open_prepared(folder)


def is_prepared(root: Path, name: str, key: Mapping[str, object], arrays: Arrays) -> bool:
    """Whether `prepared` would find this set, and so needs none of its sources."""
    return _folder(root, _identity(name, key, _specs(arrays))).exists()


def find_prepared(root: Path, name: str) -> list[Path]:
    """The folders of all sets that are prepared under `name` below `root`, whatever their keys."""
    folders = (path for path in (root / "prepared").glob("*") if (path / META).is_file())
    return sorted(path for path in folders if path.name.rpartition("-")[0] == _readable(name))


def open_prepared(folder: Path) -> Prepared:
    """The prepared set in `folder`. Raises BadInput where it was cut short or edited.

    Sizes, shapes and types are compared here; `Prepared.verify` compares every value.
    """
    meta = _read_meta(folder)
    tensors = {name: _mapped(folder, name, entry) for name, entry in meta["arrays"].items()}
    return Prepared(folder, tensors, meta["digest"], meta["splits"])


def _specs(arrays: Arrays) -> Specs:
    return {field: (shape, np.dtype(kind)) for field, (shape, kind) in arrays.items()}


def _identity(name: str, key: Mapping[str, object], specs: Specs) -> dict[str, object]:
    shapes = {field: [list(shape), kind.str] for field, (shape, kind) in specs.items()}
    return {"format": FORMAT, "name": name, "key": dict(key), "shapes": shapes}


def _folder(root: Path, identity: Mapping[str, object]) -> Path:
    return root / "prepared" / f"{_readable(str(identity['name']))}-{digest(identity)}"


def _readable(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of a prepared set."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(_lock_path(folder))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print(f"waiting for another process that prepares {folder.name}", file=sys.stderr)
            lock.acquire()
    except OSError as error:
        raise BadInput(
            f"{folder.parent}: datasets cannot be prepared here ({error.strerror or error}); with "
            "--data-root or HARNESS_DATA name a folder that you may write to (the source files in "
            "it may be links)"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _lock_path(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.lock")


def _partial_path(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.partial")


def _prepare(
    folder: Path,
    identity: Mapping[str, object],
    specs: Specs,
    fill: Fill,
) -> None:
    _remove_leftovers(folder)
    partial = _partial_path(folder)
    needed = sum(kind.itemsize * int(np.prod(shape)) for shape, kind in specs.values())
    if shutil.disk_usage(folder.parent).free < needed:
        raise _no_room(folder, needed)
    try:
        partial.mkdir()
        maps = {name: _reserve(partial / f"{name}.npy", *spec) for name, spec in specs.items()}
        fill(maps)
        for values in maps.values():
            values.flush()
        meta = _described(identity, maps)
        del maps  # some systems do not move what is mapped
        (partial / META).write_text(json.dumps(meta, indent=1))
        for path in (*partial.iterdir(), partial):
            sync(path)
        partial.rename(folder)
        sync(folder.parent)
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise _no_room(folder, needed) from error
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed preparations have left; the caller holds the lock of its own set."""
    shutil.rmtree(_partial_path(folder), ignore_errors=True)
    for leftover in folder.parent.glob(".*.partial"):
        other = folder.with_name(leftover.name[1:].removesuffix(".partial"))
        try:
            with FileLock(_lock_path(other), timeout=0):
                shutil.rmtree(leftover, ignore_errors=True)
        except (Timeout, OSError):  # it is being prepared, or is another user's
            continue


def _reserve(path: Path, shape: tuple[int, ...], kind: np.dtype[Any]) -> np.memmap[Any, Any]:
    """Create a mapped file and reserve its space: writing to a page without space kills a
    process.
    """
    values = np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return values


def _described(
    identity: Mapping[str, object], maps: Mapping[str, np.memmap[Any, Any]]
) -> dict[str, object]:
    arrays = {
        name: {
            "shape": list(values.shape),
            "type": values.dtype.str,
            "bytes": values.offset + values.nbytes,
            "sha256": _sha256(values),
        }
        for name, values in maps.items()
    }
    splits = _splits({name: torch.from_numpy(values) for name, values in maps.items()})
    digests = {name: split.digest() for name, split in splits.items()}
    return {**identity, "arrays": arrays, "splits": digests, "digest": digest(arrays)}


def _splits(tensors: Mapping[str, torch.Tensor]) -> dict[str, Split]:
    """Return the splits whose fields are the tensors `split.field`."""
    fields: dict[str, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        split, dot, field = name.partition(".")
        if dot:
            fields.setdefault(split, {})[field] = tensor
    return {split: Split(**arrays) for split, arrays in fields.items()}


def _sha256(values: NDArray[Any]) -> str:
    return hashlib.sha256(values.data).hexdigest()


def _read_meta(folder: Path) -> dict[str, Any]:
    try:
        meta = json.loads((folder / META).read_text())
        return {part: meta[part] for part in ("arrays", "splits", "digest")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, f"{META} cannot be read") from error


def _mapped(folder: Path, name: str, entry: Mapping[str, Any]) -> torch.Tensor:
    path = folder / f"{name}.npy"
    try:
        size = path.stat().st_size
        if size != entry["bytes"]:
            raise _damaged(folder, f"{path.name} has {size:,} bytes instead of {entry['bytes']:,}")
        values = _map(path)
    except (OSError, ValueError) as error:
        raise _damaged(folder, f"{path.name} cannot be read") from error
    if [list(values.shape), values.dtype.str] != [entry["shape"], entry["type"]]:
        raise _damaged(folder, f"{path.name} has {values.dtype} {values.shape}")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(values)


def _map(path: Path) -> NDArray[Any]:
    """Map an array copy-on-write, so that no mistake can change the file. Some systems refuse that
    for a file larger than their memory; it is then mapped for reading only.
    """
    try:
        values = np.load(path, mmap_mode="c", allow_pickle=False)
    except OSError as error:
        if error.errno != errno.ENOMEM:
            raise
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    return np.asarray(values)


def _damaged(folder: Path, how: str) -> BadInput:
    return BadInput(
        f"{folder}: a prepared dataset that was damaged ({how}); delete it and run again"
    )


def _no_room(folder: Path, needed: int) -> BadInput:
    free = shutil.disk_usage(folder.parent).free
    return BadInput(
        f"{folder.parent}: preparing {folder.name} needs {decimal(needed)} on this disk, and "
        f"{decimal(free)} are free; make room or name another folder with --data-root or "
        "HARNESS_DATA"
    )
