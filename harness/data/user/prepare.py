"""Turns the files of a folder into prepared splits in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import BadInput
from harness.core.files import file_sha256
from harness.core.keys import digest
from harness.data.base import Split
from harness.data.image_files import Header, decode_image, planes, read_header
from harness.data.image_memory import check_set
from harness.data.image_threads import in_threads
from harness.data.progress import bar
from harness.data.store import prepared
from harness.data.user.file_cache import values_by_file
from harness.data.user.image_options import ImageOptions, SquareShape
from harness.data.user.layout import Layout, PictureFile, SplitFiles, check_split
from harness.data.user.paths import store_name

VERSION = 2
"""Raised when the code that makes pixels of files changes; sets are then prepared again."""

Item = TypeVar("Item")

Facts = Mapping[Path, tuple[str, Header]]
"""SHA-256 and header by file."""


def load_layout(root: Path, layout: Layout, options: ImageOptions) -> tuple[Split, Split]:
    """The train and the test split of `layout`, prepared once below `root`.

    Raises BadInput where a file is no image that can be decoded, as `image_files.open_files`,
    where images do not fit together by these `options`, and where there are too few or too many.
    """
    folder, parts = layout.folder, {"train": layout.train, "test": layout.test}
    check_split(folder, len(layout.train.pictures), len(layout.test.pictures))
    facts = _facts(root, folder, parts)
    _check_halves(facts, parts)
    _check_pairs(facts, parts)
    shapes = _shapes(options, facts, parts)
    for part in parts.values():
        check_set(folder, len(part.pictures), *_dimensions(shapes["images"]))
    key = {
        "version": VERSION,
        "form": asdict(options),
        "files": digest([_contents(folder, facts, part) for part in parts.values()]),
    }
    arrays = dict(_arrays(shapes, parts))
    fill = partial(_fill, options, facts, layout)
    made = prepared(root, store_name(folder), key, arrays, fill)
    train, test = made.split("train"), made.split("test")
    return _with_texts(train, layout.train), _with_texts(test, layout.test)


def _facts(root: Path, folder: Path, parts: Mapping[str, SplitFiles]) -> Facts:
    files = sorted({path for part in parts.values() for path in _files(part)})
    values = values_by_file(root, folder, files, lambda new: in_threads(_fact, new))
    return {file: (sha, Header(*header)) for file, (sha, header) in zip(files, values, strict=True)}


def _fact(path: Path) -> tuple[str, Header]:
    header = read_header(path)
    return file_sha256(path), header


def _files(part: SplitFiles) -> Iterator[Path]:
    for picture in (*part.pictures, *part.sources):
        yield picture.path
    yield from (mask for mask in part.masks if mask)


def _header(facts: Facts, picture: PictureFile) -> Header:
    _, header = facts[picture.path]
    return header if picture.half is None else header._replace(width=header.width // 2)


def _check_halves(facts: Facts, parts: Mapping[str, SplitFiles]) -> None:
    for part in parts.values():
        for path in (picture.path for picture in part.pictures if picture.half is not None):
            _, header = facts[path]
            if header.width != 2 * header.height:
                raise BadInput(
                    f"{path}: {header}; two square images side by side are needed, so the width is "
                    "to be twice the height"
                )


def _check_pairs(facts: Facts, parts: Mapping[str, SplitFiles]) -> None:
    """What is cut and resized as the image is must have its size, or at least its proportions."""
    for part in parts.values():
        for picture, mask in zip(part.pictures, part.masks, strict=False):
            if mask and facts[mask][1][:2] != _header(facts, picture)[:2]:
                raise BadInput(
                    f"{mask} is {facts[mask][1]}, and the image it is for "
                    f"{_header(facts, picture)}: {picture.path}"
                )
        for picture, source in zip(part.pictures, part.sources, strict=False):
            one, other = _header(facts, picture), _header(facts, source)
            if one.width * other.height != other.width * one.height:
                raise BadInput(f"{picture.path} is {one}, and its partner {source.path} {other}")


def _shapes(
    options: ImageOptions, facts: Facts, parts: Mapping[str, SplitFiles]
) -> dict[str, SquareShape]:
    """The shape of the images, and of the sources where there are any."""
    every = {
        "images": [picture for part in parts.values() for picture in part.pictures],
        "sources": [source for part in parts.values() for source in part.sources],
    }
    return {
        field: options.shape({_header(facts, p): str(p.path) for p in reversed(pictures)})
        for field, pictures in every.items()
        if pictures
    }


def _dimensions(shape: SquareShape) -> tuple[int, int, int]:
    return shape.channels, shape.size, shape.size


def _arrays(
    shapes: Mapping[str, SquareShape], parts: Mapping[str, SplitFiles]
) -> Iterator[tuple[str, tuple[tuple[int, ...], type]]]:
    for name, part in parts.items():
        count = len(part.pictures)
        yield f"{name}.labels", ((count,), np.int64)
        for field, shape in shapes.items():
            yield f"{name}.{field}", ((count, *_dimensions(shape)), np.uint8)
        if part.masks:
            size = shapes["images"].size
            yield f"{name}.masks", ((count, size, size), np.bool_)


def _contents(folder: Path, facts: Facts, part: SplitFiles) -> list[object]:
    """Return everything that the arrays of a part depend on, besides the options."""

    def name(picture: PictureFile) -> list[object]:
        return [picture.path.relative_to(folder).as_posix(), facts[picture.path][0], picture.half]

    return [
        [name(picture) for picture in part.pictures],
        [name(source) for source in part.sources],
        [mask and facts[mask][0] for mask in part.masks],
        list(part.labels),
    ]


def _fill(
    options: ImageOptions, facts: Facts, layout: Layout, maps: Mapping[str, NDArray[Any]]
) -> None:
    parts = {"train": layout.train, "test": layout.test}
    count = sum(1 for part in parts.values() for _ in _files(part))
    pixels, mask = partial(_pixels, options, facts), partial(_mask, options, facts)
    with bar(f"preparing {layout.folder.name}", count) as advance:
        for name, part in parts.items():
            maps[f"{name}.labels"][:] = part.labels
            _fill_array(maps[f"{name}.images"], part.pictures, pixels, advance)
            if part.sources:
                _fill_array(maps[f"{name}.sources"], part.sources, pixels, advance)
            if part.masks:
                _fill_array(maps[f"{name}.masks"], part.masks, mask, advance)


def _fill_array(
    target: NDArray[Any],
    items: Sequence[Item | None],
    read: Callable[[Item], NDArray[Any]],
    advance: Callable[[int], None],
) -> None:
    """Fill each index with what `read` makes of the item at that index, if there is one."""

    def put(index: int) -> None:
        item = items[index]
        if item is not None:
            target[index] = read(item)
            advance(1)

    in_threads(put, range(len(items)))


def _pixels(options: ImageOptions, facts: Facts, picture: PictureFile) -> NDArray[np.uint8]:
    """C×S×S."""
    _, header = facts[picture.path]
    image = decode_image(picture.path, header)
    if picture.half is not None:
        side = header.height
        image = image.crop((picture.half * side, 0, (picture.half + 1) * side, side))
    return planes(options.apply(image))


def _mask(options: ImageOptions, facts: Facts, path: Path) -> NDArray[np.bool_]:
    """S×S: true where the file is not black."""
    _, header = facts[path]
    return options.apply_mask(np.any(planes(decode_image(path, header)) > 0, axis=0))


def _with_texts(split: Split, part: SplitFiles) -> Split:
    if part.texts is None:
        return split
    known_digest = digest([split.known_digest, *part.texts])
    return replace(split, texts=part.texts, known_digest=known_digest)
