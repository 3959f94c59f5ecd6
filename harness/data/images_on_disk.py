"""Opens images on disk: a folder, a zip archive, an array, one file, or a pattern of paths."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image

from harness.core.errors import BadInput
from harness.data import image_arrays, image_files, image_labels, image_search
from harness.data.image_archive import SUFFIX as ARCHIVE
from harness.data.image_files import ImageResize, planes
from harness.data.image_memory import LazyImages, allocate
from harness.data.image_search import name_key

_WILD = re.compile(r"[*?]|\[[^\[\]=]+\]")
"""In a name: a star, a question mark, or characters in brackets; options of datasets, which have
brackets too, have an equals sign.
"""
_PARTS = re.compile(r"\*\*/|\*|\?|\[[^\[\]]+\]")
_MEANING = {"**/": "(?:(.*)/)?", "*": "([^/]*)", "?": "([^/])"}


@dataclass(frozen=True)
class OpenOptions:
    """How sets are opened: the folder of all datasets, what images are resized to, and the fewest
    images.
    """

    root: Path | None = None
    resize: ImageResize | None = None
    at_least: int = 2


AS_STORED = OpenOptions()


@dataclass(frozen=True)
class ImagesOnDisk:
    """Images on disk whose headers are read: a name for each, where they are in a few words, and
    the number of other files.
    """

    images: LazyImages
    names: list[str]
    description: str
    left_out: int = 0
    labels: torch.Tensor | None = None
    remark: str = ""


def is_on_disk(where: str) -> bool:
    """Whether the path exists, or the name is a pattern of paths."""
    return Path(where).exists() or is_pattern(where)


def is_pattern(where: str) -> bool:
    """Whether a name has the signs of a pattern, and no such path exists."""
    return bool(_WILD.search(where)) and not Path(where).exists()


def split_pattern(where: str | Path) -> tuple[Path, str]:
    """Return the folder that a pattern starts from, and the pattern below it.

    Existing folders with such signs in their names are folders, not patterns.
    """
    parts = PurePosixPath(where).parts
    fixed = next(
        i
        for i, part in enumerate(parts)
        if _WILD.search(part) and not Path(*parts[: i + 1]).exists()
    )
    return Path(*parts[:fixed]), "/".join(parts[fixed:])


def is_one_file(where: str) -> bool:
    """Whether it is a single image file."""
    return Path(where).is_file() and Path(where).suffix.lower() in image_search.SUFFIXES


def open_on_disk(where: str, how: OpenOptions) -> ImagesOnDisk:
    """Open the images at a path or pattern; only headers are read. Raises BadInput naming
    the file.
    """
    path = Path(where)
    if path.is_dir():
        return _folder(path, how)
    if path.exists():
        if path.suffix.lower() == ARCHIVE:
            return _archive(path, how)
        if is_one_file(where):
            return ImagesOnDisk(_open(path, [path], how), [path.name], f"file {path}")
        return _array(path, how)
    return _pattern(where, how)


def _folder(folder: Path, how: OpenOptions) -> ImagesOnDisk:
    files, others = image_search.find_images(folder)
    names = [file.relative_to(folder).as_posix() for file in files]
    metadata = folder / image_labels.NAME
    labels = image_labels.load_labels(metadata, names) if metadata in others else None
    left_out = len(others) - (metadata in others)
    return ImagesOnDisk(_open(folder, files, how), names, f"folder {folder}", left_out, labels)


def _archive(archive: Path, how: OpenOptions) -> ImagesOnDisk:
    members, others = image_search.find_in_archive(archive)
    names = [member.name for member in members]
    return ImagesOnDisk(_open(archive, members, how), names, f"archive {archive}", len(others))


def _array(path: Path, how: OpenOptions) -> ImagesOnDisk:
    if path.suffix.lower() not in image_arrays.SUFFIXES or not path.is_file():
        raise BadInput(
            f"{path}: a folder or a zip archive of images, an image, an .npz or an .npy is needed"
        )
    images = image_arrays.open_array(path, how.at_least)
    names = indices(images.shape[0])
    made = resized(images, path, how.resize)
    unused = image_arrays.unused(path)
    labels = image_arrays.labels_beside(path, len(names))
    return ImagesOnDisk(made, names, f"array {path}", labels=labels, remark=unused)


def _pattern(where: str, how: OpenOptions) -> ImagesOnDisk:
    """Files by a pattern of paths. What its signs stand for is the name of each image."""
    base, pattern = split_pattern(where)
    if not base.is_dir():
        raise BadInput(f"{where}: there is no folder {base}")
    named: dict[str, Path] = {}
    for path in sorted(base.glob(pattern)):
        inner = path.relative_to(base).as_posix()
        if not path.is_file() or any(part.startswith(".") for part in inner.split("/")):
            continue
        name = _starred(pattern, inner)
        if name in named:
            raise BadInput(f"{where}: {named[name]} and {path} are one name, {name}")
        named[name] = path
    if not named:
        raise BadInput(f"{where}: no file has such a name")
    names = sorted(named, key=name_key)
    images = _open(base, [named[name] for name in names], how)
    return ImagesOnDisk(images, names, f"files {where}")


def _starred(pattern: str, path: str) -> str:
    """Return the part of a path that the signs of a pattern stand for, with the suffix of
    the file.
    """
    suffix = PurePosixPath(path).suffix
    match = _match(PurePosixPath(pattern).with_suffix("").as_posix(), path.removesuffix(suffix))
    match = match or _match(pattern, path)  # what it has after a dot is no suffix
    stars = "/".join(filter(None, match.groups())) if match else path
    return stars if stars.endswith(suffix) else stars + suffix


def _match(pattern: str, path: str) -> re.Match[str] | None:
    written, end = "", 0
    for sign in _PARTS.finditer(pattern):
        meant = _MEANING.get(sign[0]) or f"([{_class(sign[0][1:-1])}])"
        written, end = written + re.escape(pattern[end : sign.start()]) + meant, sign.end()
    return re.fullmatch(written + re.escape(pattern[end:]), path)


def _class(inner: str) -> str:
    """Return the characters in brackets as a regular expression; `!` means all other characters."""
    escaped = inner.replace("\\", r"\\")
    if inner[0] in "!^":
        return ("^" if inner[0] == "!" else "\\^") + escaped[1:]
    return escaped


def _open(place: Path, files: Sequence[image_search.ImageFile], how: OpenOptions) -> LazyImages:
    return image_files.open_files(place, files, how.at_least, how.resize)


def resized(images: LazyImages, where: object, resize: ImageResize | None) -> LazyImages:
    """Return the images so that they are resized when they are read."""
    count, channels, height, width = images.shape
    if resize is None or (height, width) == (resize.size, resize.size):
        return images

    def read() -> torch.Tensor:
        made = allocate(Path(str(where)), count, channels, resize.size, resize.size)
        target = made.numpy()
        for index, image in enumerate(images.read().permute(0, 2, 3, 1).numpy()):
            picture = Image.fromarray(
                np.ascontiguousarray(image[..., 0] if channels == 1 else image)
            )
            target[index] = planes(resize.image(picture))
        return made

    shape = count, channels, resize.size, resize.size
    return LazyImages(shape, read, images.formats, ((height, width),))


def indices(count: int) -> list[str]:
    """Return names for images without files: their index, padded so that names sort in this
    order.
    """
    width = max(5, len(str(count - 1)))
    return [f"{index:0{width}d}" for index in range(count)]
