"""The files that a user's family reads: their content is part of the training key.

Three sources, because none alone is complete: the files that `Family.files` names, the settings of
the recipe that are paths of files, and the files that Python opened while the family was built.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.core.errors import BadInput
from harness.core.files import file_sha256
from harness.families.base import Family
from harness.training.code_version import is_installed

CODE = {".py", ".pyc", ".pyi", ".so", ".pyd"}
"""Endings of code, which `code_version` digests."""
DEVICES = tuple(map(Path, ("/dev", "/proc", "/sys")))

_opened: ContextVar[list[str] | None] = ContextVar("opened", default=None)


@contextmanager
def opened_files() -> Iterator[list[str]]:
    """Collects the paths of the files that Python opens for reading in this thread meanwhile.

    What compiled code opens by itself (safetensors does) is not seen.
    """
    _install_hook()
    paths: list[str] = []
    token = _opened.set(paths)
    try:
        yield paths
    finally:
        _opened.reset(token)


@lru_cache(maxsize=1)
def _install_hook() -> None:
    """Python offers no way to remove an audit hook; outside `opened_files` it does nothing."""
    sys.addaudithook(_note_open)


def _note_open(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or (paths := _opened.get()) is None:
        return
    path, mode = arguments[0], arguments[1]
    if isinstance(path, str | bytes) and not {*"wax+"} & {*(mode or "r")}:
        paths.append(path if isinstance(path, str) else path.decode(errors="surrogateescape"))


def frozen_digests(family: Family) -> dict[str, str]:
    """The first 16 hexadecimal digits of the SHA-256 of each frozen network's weights, by the
    network's name. Raises BadInput where weights are not on this machine and cannot be fetched.
    """
    return {network.name: network.weights().sha256[:16] for network in family.frozen_networks()}


def file_digests(family: Family, opened: list[str]) -> dict[str, str]:
    """The first 16 hexadecimal digits of the SHA-256 of each file that `family` depends on, by the
    file's name; `opened` is what `opened_files` collected. Raises BadInput where a file that the
    family names does not exist.
    """
    named = [Path(path) for path in family.files()]
    for path in named:
        if not path.is_file():
            raise BadInput(f"{type(family).__name__}.files names {path}, which is not a file")
    settings = family.settings.model_dump() if hasattr(family.settings, "model_dump") else {}
    return data_digests((*opened, *_texts(settings)), named) | frozen_digests(family)


def data_digests(texts: Iterable[str], named: Iterable[Path] = ()) -> dict[str, str]:
    """The first 16 hexadecimal digits of the SHA-256 of each file of the user's that is no code,
    among `texts` that may be paths, and of each of the `named` files. Each is under its file's name
    or, where another file has that name already, under its path.
    """
    files = [Path(text) for text in texts if _is_data(Path(text))]
    digests: dict[str, str] = {}
    for path in sorted({path.resolve() for path in (*named, *files)}):
        name = path.name if path.name not in digests else str(path)
        stat = path.stat()
        digests[name] = _digest(path, stat.st_mtime_ns, stat.st_size)
    return digests


def _texts(value: object) -> Iterator[str]:
    """All texts and paths among settings, however deep."""
    if isinstance(value, str | Path):
        yield str(value)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _is_data(path: Path) -> bool:
    """Whether a path is of a file of the user's that is no code."""
    try:
        is_file = path.is_file()
    except (OSError, ValueError):  # a text too long for a path, or with a zero character
        return False
    if not is_file or path.suffix in CODE or is_installed(path):
        return False
    return not any(path.resolve().is_relative_to(folder) for folder in DEVICES)


@lru_cache(maxsize=256)
def _digest(path: Path, _modified: int, _size: int) -> str:
    return file_sha256(path)[:16]
