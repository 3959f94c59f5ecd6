"""The files of each split in a user's folder, before any is read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from harness.core.errors import BadInput
from harness.data.image_search import path_stem

TEST_SHARE = 6
"""Without split folders, one image in this many is a test image."""


class PictureFile(NamedTuple):
    """An image: a file, or its left (0) or right (1) half."""

    path: Path
    half: int | None = None


@dataclass(frozen=True)
class SplitFiles:
    """The images of a split, with a label each; of pairs also what each is made from.

    `masks` names the file that shows where each image is defective, None where none does.
    """

    pictures: Sequence[PictureFile]
    labels: Sequence[int]
    sources: Sequence[PictureFile] = ()
    masks: Sequence[Path | None] = ()
    texts: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Layout:
    """A dataset in a folder."""

    folder: Path
    classes: tuple[str, ...]
    train: SplitFiles
    test: SplitFiles


def is_test(name: str) -> bool:
    """Whether an image is a test image, in a set that does not say so itself.

    It depends only on the name (SHA-256), so that an image never changes sides when others are
    added.
    """
    written = name.encode("utf-8", "surrogateescape")  # a name that is not UTF-8, as it is
    return int(hashlib.sha256(written).hexdigest(), 16) % TEST_SHARE == 0


def stem(file: Path, folder: Path) -> str:
    """The path of `file` in `folder` without its suffix: the name that files share with others."""
    return path_stem(file.relative_to(folder).as_posix())


def check_split(where: Path, train: int, test: int) -> None:
    """Raise BadInput unless both splits have two images."""
    if min(train, test) < 2:
        raise BadInput(
            f"{where}: images to train on: {train:,}, to test with: {test:,}; both need at least "
            "2. Without folders train/ and test/ an image's name decides, at 5 to 1"
        )
