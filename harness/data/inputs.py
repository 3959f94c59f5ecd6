"""The files that a command reads, known from the names that it is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.config.reference import parse_reference
from harness.core.errors import BadInput
from harness.data.images_on_disk import is_pattern, split_pattern
from harness.data.load import default_root, find_source
from harness.data.user.captioned import NAMES
from harness.data.user.paths import resolve_path


def input_paths(places: Iterable[str | Path | None], root: Path | None = None) -> list[Path]:
    """The files and folders behind `places`: paths, and datasets with or without their split.

    What is neither gives none: whoever reads it says what is wrong. `root` is the folder of all
    datasets.
    """
    return [path for place in places if place for path in _paths(place, root or default_root())]


def _paths(place: str | Path, root: Path) -> Iterator[Path]:
    try:
        if is_pattern(str(place)):
            base, pattern = split_pattern(place)
            yield from base.glob(pattern)
            return
        if Path(place).exists():
            yield Path(place)
            return
        for name in {str(place), str(place).rpartition(":")[0]}:
            yield from _dataset_paths(name, root)
    except (OSError, ValueError):  # no name that a file can have
        return


def _dataset_paths(name: str, root: Path) -> Iterator[Path]:
    try:
        reference = parse_reference(name)
        yield from (root / file for file in find_source(reference).files(root))
        yield from (root / "prepared").glob("*/*")
        path = resolve_path(reference.name.partition(":")[2] or ".", root)
    except BadInput:
        return
    if reference.name.partition(":")[2]:
        yield path
        yield from (path / name for name in NAMES)
