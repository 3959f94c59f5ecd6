"""Which suite a file is, for the places where its results are kept."""

from __future__ import annotations

import hashlib
import inspect
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import harness
from harness.config.shipped import shipped_files
from harness.config.suite import LoadedSuite
from harness.core.keys import digest
from harness.families import FAMILIES
from harness.plan.planning import Plan
from harness.tracking import Store
from harness.tracking.commits import find_repository, remote
from harness.tracking.suites import SuiteIdentity

LARGE = 10_000_000
"""Bytes from which a file counts by its size."""


def identify(loaded: LoadedSuite, store: Store) -> SuiteIdentity:
    """The identity of a suite among those of a tracking store."""
    return SuiteIdentity(
        loaded.name, tuple(_origins(loaded, store)), _content(loaded), is_shipped(loaded)
    )


def is_shipped(loaded: LoadedSuite) -> bool:
    """Whether it is one of the harness's own suites, by name or by the path of its file."""
    shipped = shipped_files("suites").get(loaded.document.path.stem)
    return shipped is not None and shipped.resolve() == loaded.document.path.resolve()


def code_folders(plan: Plan) -> list[Path]:
    """Where the user's code is: the modules of families that are not the harness's own, and the
    suite's file where that is the user's. Nothing where all is shipped.
    """
    families = {recipe.family for recipe in plan.recipes.values()}
    files = [inspect.getsourcefile(FAMILIES.load(family)) for family in sorted(families)]
    modules = [Path(file).resolve().parent for file in files if file]
    package = Path(harness.__file__).resolve().parent
    users = [folder for folder in modules if not folder.is_relative_to(package)]
    return users if is_shipped(plan.loaded) else [*users, plan.loaded.folder.resolve()]


def _origins(loaded: LoadedSuite, store: Store) -> Iterator[str]:
    """Where the suite's file is. Beside a local store that is the way from there, which stays as it
    is where a project is moved or cloned; for a server the machine's path, and the place in the
    repository that it was cloned from, which is the same on all machines.
    """
    path = loaded.document.path.resolve()
    if is_shipped(loaded):
        yield _short("shipped", path.stem)
    elif store.address.database:
        beside = store.address.database.resolve().parent
        yield _short("beside", Path(os.path.relpath(path, beside)).as_posix())
    else:
        yield _short("machine", socket.gethostname(), path.as_posix())
        root = find_repository(path.parent)
        if root and (address := remote(root)):
            yield _short("repository", address, path.relative_to(root.resolve()).as_posix())


def _short(*parts: str) -> str:
    return digest(parts)[:12]


def _content(loaded: LoadedSuite) -> str:
    """What the file says, claims that it includes among it, and the files beside it that it names:
    recipes and samples.
    """
    files = {
        name: _file_digest(loaded.folder / name)
        for name in sorted(set(_texts(loaded.document.value)))
        if _is_there(loaded.folder / name)
    }
    return digest([loaded.document.value, files])[:12]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a sentence is no file's name
        return False


def _file_digest(path: Path) -> str:
    """Of a file its bytes; of a folder, and of what is large, names and sizes."""
    if path.is_dir():
        listed = [(entry.name, entry.stat().st_size) for entry in os.scandir(path)]
        return digest(sorted(listed))
    size = path.stat().st_size
    return digest(size) if size >= LARGE else hashlib.sha256(path.read_bytes()).hexdigest()
