"""What is known of source files, kept so that unchanged files are not read again."""

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
    """For each of `files`, which belong to the dataset at `where`, what `find` says of it: plain
    values, as JSON has them.

    Only files whose size or times have changed since the last call are handed to `find`. Its
    answers are kept below `root`, if that can be written to.
    """
    index = root / "prepared" / f".files-{digest([str(where.resolve()), VERSION])}.json"
    known = _read(index)
    states = [_state(file) for file in files]
    keys = [str(file) for file in files]
    new = [i for i, key in enumerate(keys) if known.get(key, [None])[0] != states[i]]
    if new:
        for i, found in zip(new, find([files[i] for i in new]), strict=True):
            known[keys[i]] = [states[i], found]
        _write(index, {key: known[key] for key in keys})
    return [known[key][1] for key in keys]


def _state(file: Path) -> list[int]:
    """The time of the last change of contents or metadata cannot be set back by a program."""
    state = file.stat()
    return [state.st_size, state.st_mtime_ns, state.st_ctime_ns]


def _read(index: Path) -> dict[str, Any]:
    try:
        known = json.loads(index.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(index: Path, known: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        index.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(index, json.dumps(known))
