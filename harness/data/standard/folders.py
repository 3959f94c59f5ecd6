"""What the files of a folder are, told without reading them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from harness.core.keys import digest

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def images_in(folder: Path) -> list[str]:
    """The names of the image files in a folder, sorted."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.name.lower().endswith(SUFFIXES))


def folders_in(folder: Path) -> list[str]:
    """The names of the folders in a folder, sorted."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir())


def stamp(paths: Sequence[Path], folder: Path) -> str:
    """A digest of name, size and time of change of files in `folder`: hashing a million
    photographs would take as long as decoding them."""
    stamps = []
    for path in paths:
        status = path.stat()
        stamps.append([path.relative_to(folder).as_posix(), status.st_size, status.st_mtime_ns])
    return digest(stamps)
