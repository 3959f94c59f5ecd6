"""Which datasets there are, which of them are on this machine, and whether they are whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.data.load import DATASETS, default_root, find_source, load_dataset
from harness.data.source import Maker, Source
from harness.data.standard.files import ALGORITHMS, check
from harness.data.store import find_prepared, open_prepared
from harness.spec.errors import BadInput
from harness.spec.reference import parse_reference

Place = Literal["built in", "prepared", "files", "no", ""]
"""Where a set is: inside a package or computed, in the store, or in files yet to be prepared."""


@dataclass(frozen=True)
class Entry:
    """A dataset without its options, or a form of names such as `folder:PATH`.

    `shapes` are those of the images of its splits, N×C×S×S; `classes` counts them. Both are empty,
    or 0, where only the data say. Of a form nothing is known but its title.
    """

    name: str
    title: str
    licence: str = ""
    shapes: tuple[tuple[int, ...], ...] = ()
    classes: int = 0
    place: Place = ""


def inventory(root: Path | None = None) -> list[Entry]:
    """Every dataset by name, sorted; `root` as in `load_dataset`. Nothing is read or prepared."""
    root = root or default_root()
    return [_entry(name, root) for name in DATASETS.names()]


def _entry(name: str, root: Path) -> Entry:
    found = DATASETS.load(name)
    if isinstance(found, Maker) and found.argument:
        return Entry(f"{name}:{found.argument}", found.title)
    source = find_source(parse_reference(name))
    about = source.about
    return Entry(
        name, about.title, about.licence, tuple(source.shapes.values()), len(about.classes),
        _place(source, root),
    )  # fmt: skip


def _place(source: Source, root: Path) -> Place:
    if find_prepared(root, source.stored):
        return "prepared"
    files = source.files(root)
    if not files:
        return "built in"
    return "files" if all(path.exists() for path in files) else "no"


@dataclass(frozen=True)
class Finding:
    """What became of one check; the line names the file."""

    line: str
    is_right: bool


def verify(name: str, root: Path | None = None) -> Iterator[Finding]:
    """Read all of the dataset `name` that is on disk: its source files are compared with their
    published digests, and what was prepared from them, in whatever size, with its own.

    Nothing is downloaded or prepared. Raises BadInput where `name` is no dataset.
    """
    source = find_source(parse_reference(name))
    root = root or default_root()
    files = source.files(root)
    if not files and not source.stored:
        yield _loaded(name, root)
        return
    folders = find_prepared(root, source.stored)
    for path, pin in files.items():
        if path.exists():
            yield _file(path, pin)
        elif not folders:  # what is prepared needs its source no more
            yield Finding(f"{path}: missing; `harness data fetch {name}` gets it if it can", False)
    if not files and not folders:
        yield Finding(f"{name}: not prepared; `harness data fetch {name}` does it", False)
    for folder in folders:
        yield _folder(folder)


def _loaded(name: str, root: Path) -> Finding:
    try:
        digest = load_dataset(name, root).digest
    except BadInput as error:
        return Finding(str(error), False)
    return Finding(f"{name}: loads, and has no files of its own; SHA-256 {digest}", True)


def _file(path: Path, pin: str) -> Finding:
    if not pin:
        return Finding(f"{path}: here; no digest of it was published", True)
    try:
        check(path, pin)
    except BadInput as error:
        return Finding(str(error), False)
    except OSError as error:
        return Finding(f"{path}: cannot be read ({error.strerror})", False)
    return Finding(f"{path}: has its published {_ALGORITHMS[ALGORITHMS[len(pin)]]}", True)


_ALGORITHMS = {"sha256": "SHA-256", "md5": "MD5"}


def _folder(folder: Path) -> Finding:
    try:
        found = open_prepared(folder)
        found.verify()
    except BadInput as error:
        return Finding(str(error), False)
    size = sum(tensor.nbytes for tensor in found.tensors.values()) / 1e6
    return Finding(f"{folder}: as it was prepared ({size:,.1f} MB)", True)
