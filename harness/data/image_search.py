"""Finds files of images in a folder or a zip archive, and refuses to pass over one."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NoReturn

from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.data.image_archive import Member, find_members
from harness.data.image_formats import unsupported_format
from harness.data.image_threads import in_threads

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".webp", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "BMP", "DIB", "WEBP", "TIFF")
"""What a file may be, whatever its suffix says: Pillow's other decoders are never reached. DIB is
BMP without the header of a file, as clipboards have it.
"""

ImageFile = Path | Member
"""Where an image is: a file, or one in a zip archive."""


def find_images(folder: Path) -> tuple[list[Path], list[Path]]:
    """The image files anywhere below `folder`, and all other files.

    Hidden files and folders are left out. Images are sorted by their path in the folder, without
    suffix first, so that two folders with the same names give the same order whatever the formats,
    and however letters with accents are written (NFC or NFD). Raises BadInput where a link is
    broken, a folder cannot be read or is reached twice, where there is no image, and where an image
    would be left out: it is of another format (GIF, AVIF, …), or its suffix is none of `SUFFIXES`.
    """
    images: list[Path] = []
    others: list[Path] = []
    visited: set[Path] = set()
    for at, folders, files in os.walk(folder, followlinks=True, onerror=_refuse_folder):
        current = Path(at)
        _visit(current, visited)
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (current / name for name in files if not name.startswith(".")):
            _check_file(path)
            (images if path.suffix.lower() in SUFFIXES else others).append(path)
    in_threads(_check_no_image, others)
    if not images:
        raise _no_images(folder, others)
    by_name = sorted(images, key=lambda path: name_key(path.as_posix()))
    return by_name, sorted(others)


def find_in_archive(archive: Path) -> tuple[list[Member], list[Member]]:
    """The image files in a zip archive, and all other files; otherwise as `find_images`."""
    members = find_members(archive)
    images = [member for member in members if member.suffix.lower() in SUFFIXES]
    others = [member for member in members if member.suffix.lower() not in SUFFIXES]
    in_threads(_check_no_image, others)
    if not images:
        raise _no_images(archive, others)
    return sorted(images, key=lambda member: name_key(member.name)), others


def _no_images(place: Path, others: Sequence[ImageFile]) -> BadInput:
    count = counted(len(others), "other file")
    instead = f"; it has {count}, such as {others[0]}" if others else ""
    return BadInput(
        f"{place}: no images in it ({', '.join(SUFFIXES)}; hidden ones do not count){instead}"
    )


def path_stem(name: str) -> str:
    """A path without its suffix, by which images belong together: accents in their composed form
    (NFC), since some systems write them apart.
    """
    return unicodedata.normalize("NFC", PurePosixPath(name).with_suffix("").as_posix())


def name_key(name: str) -> tuple[str, str]:
    """What names of images are sorted by: without suffix first, so that two sets with the same
    names have the same order whatever the formats.
    """
    return path_stem(name), PurePosixPath(name).suffix


def _check_no_image(path: ImageFile) -> None:
    """To pass over an image would make another set of the folder."""
    try:
        kind = unsupported_format(path)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    if not kind:
        return
    named = any(kind == suffix.upper() for suffix in FORMATS)
    cure = f"convert it to {', '.join(FORMATS)}"
    if named:
        cure = f"give it a suffix of {', '.join(SUFFIXES)}"
    raise BadInput(f"{path}: is an image ({kind}) that is not read; {cure}, or remove it")


def _visit(folder: Path, visited: set[Path]) -> None:
    """Links to folders are followed; a loop of them would never end, and an image count twice."""
    real = folder.resolve()
    if real in visited:
        raise BadInput(f"{folder}: a link to a folder that is read already ({real})")
    visited.add(real)


def _refuse_folder(error: OSError) -> NoReturn:
    raise BadInput(f"{error.filename}: the folder cannot be read ({error.strerror})") from error


def _check_file(path: Path) -> None:
    if path.is_file():
        return
    if path.is_symlink():
        raise BadInput(f"{path}: a link to {path.readlink()}, which does not exist")
    raise BadInput(f"{path}: not a regular file")
