"""A cache of values computed from files, so that unchanged files are not read again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.core.files import atomic_write
from harness.core.keys import digest

VERSION = 2
"""Raised when other things are known of files; what was kept before is then not read."""


def values_by_file(
    root: Path,
    where: Path,
    files: Sequence[Path],
    find: Callable[[Sequence[Path]], Sequence[Any]],
) -> list[Any]:
    """Return what `find` computes for each of `files` of the dataset at `where`: plain values, as
    JSON has them.

    Only files whose size or times have changed since the last call are passed to `find`. Its
    results are kept below `root`, if that can be written to.
    """
    index = root / "prepared" / f".files-{digest([str(where.resolve()), VERSION])}.json"
    cached = _read(index)
    states = [_state(file) for file in files]
    keys = [str(file) for file in files]
    new = [i for i, key in enumerate(keys) if cached.get(key, [None])[0] != states[i]]
    if new:
        for i, value in zip(new, find([files[i] for i in new]), strict=True):
            cached[keys[i]] = [states[i], value]
        _write(index, {key: cached[key] for key in keys})
    return [cached[key][1] for key in keys]


def _state(file: Path) -> list[int]:
    """Size and times of a file. No program can set back the time of the last change of its
    metadata.
    """
    state = file.stat()
    return [state.st_size, state.st_mtime_ns, state.st_ctime_ns]


def _read(index: Path) -> dict[str, Any]:
    try:
        cached = json.loads(index.read_text())
    except (OSError, ValueError):
        return {}
    return cached if isinstance(cached, dict) else {}


def _write(index: Path, cached: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        index.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(index, json.dumps(cached))
