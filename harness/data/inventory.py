"""The datasets that exist, whether they are on this machine, and whether their files are intact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.filesize import decimal

from harness.config.reference import parse_reference
from harness.core.errors import BadInput
from harness.data.load import DATASETS, default_root, find_source, load_dataset
from harness.data.source import DatasetFactory, Source
from harness.data.standard.files import ALGORITHMS, check_digest
from harness.data.store import find_prepared, open_prepared

Place = Literal["built in", "prepared", "files", "no", ""]
"""Where a set is: inside a package or computed, in the store, or in files yet to be prepared."""


@dataclass(frozen=True)
class DatasetRecord:
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


def inventory(root: Path | None = None) -> list[DatasetRecord]:
    """Every dataset by name, sorted; `root` as in `load_dataset`. Nothing is read or prepared."""
    root = root or default_root()
    return [_entry(name, root) for name in DATASETS.names()]


def _entry(name: str, root: Path) -> DatasetRecord:
    dataset = DATASETS.load(name)
    if isinstance(dataset, DatasetFactory) and dataset.argument:
        return DatasetRecord(f"{name}:{dataset.argument}", dataset.title)
    source = find_source(parse_reference(name))
    card = source.card
    return DatasetRecord(
        name,
        card.title,
        card.licence,
        tuple(source.shapes.values()),
        len(card.classes),
        _place(source, root),
    )


def _place(source: Source, root: Path) -> Place:
    if find_prepared(root, source.stored):
        return "prepared"
    files = source.files(root)
    if not files:
        return "built in"
    return "files" if all(path.exists() for path in files) else "no"


@dataclass(frozen=True)
class FileCheck:
    """The outcome of one check; the line names the file."""

    line: str
    is_right: bool


def verify_dataset(name: str, root: Path | None = None) -> Iterator[FileCheck]:
    """Check everything of the dataset `name` that is on disk: source files against their published
    digests, prepared arrays, in every size, against their own.

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
            yield FileCheck(
                f"{path}: missing; `harness data fetch {name}` gets it if it can", False
            )
    if not files and not folders:
        yield FileCheck(f"{name}: not prepared; `harness data fetch {name}` does it", False)
    for folder in folders:
        yield _folder(folder)


def _loaded(name: str, root: Path) -> FileCheck:
    try:
        digest = load_dataset(name, root).digest
    except BadInput as error:
        return FileCheck(str(error), False)
    return FileCheck(f"{name}: loads, and has no files of its own; SHA-256 {digest}", True)


def _file(path: Path, pin: str) -> FileCheck:
    if not pin:
        return FileCheck(f"{path}: here; no digest of it was published", True)
    try:
        check_digest(path, pin)
    except BadInput as error:
        return FileCheck(str(error), False)
    except OSError as error:
        return FileCheck(f"{path}: cannot be read ({error.strerror})", False)
    return FileCheck(f"{path}: has its published {_ALGORITHMS[ALGORITHMS[len(pin)]]}", True)


_ALGORITHMS = {"sha256": "SHA-256", "md5": "MD5"}


def _folder(folder: Path) -> FileCheck:
    try:
        stored = open_prepared(folder)
        stored.verify()
    except BadInput as error:
        return FileCheck(str(error), False)
    size = sum(tensor.nbytes for tensor in stored.tensors.values())
    return FileCheck(f"{folder}: as it was prepared ({decimal(size)})", True)
