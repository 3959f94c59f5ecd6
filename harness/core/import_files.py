"""The files that a user's modules open while they are imported: `TABLE = load("table.json")`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

_opened: dict[str, set[str]] = {}
"""The absolute paths by the module's name. A module is imported once, so they are kept."""


@lru_cache(maxsize=1)
def watch_imports() -> None:
    """Note from now on what modules open while they are imported. Python offers no way to remove
    an audit hook; the second call does nothing.
    """
    sys.addaudithook(_note_open)


def opened_on_import(modules: Iterable[str]) -> list[str]:
    """The absolute paths of the files that these modules opened for reading on import, by
    themselves or through what they call, sorted.
    """
    return sorted({path for name in modules for path in _opened.get(name, ())})


def _note_open(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open":
        return
    path, _, flags = arguments
    writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
    if writes or not isinstance(path, str | bytes):
        return
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__")
        if frame.f_code.co_name == "<module>" and isinstance(name, str):
            _opened.setdefault(name, set()).add(str(Path(os.fsdecode(path)).absolute()))
        frame = frame.f_back
