"""`npz:PATH`: images in the arrays of an `.npz` file.

`images` (uint8 N×H×W×C, or N×H×W for grey) and, if there are any, `labels` (whole numbers from 0
up), `images_test` and `labels_test`. A file whose only array are the images is read too, and one
with images in `arr_0` and labels in `arr_1`, as diffusion models are published with. Without test
images an image's number decides (`layout.is_test`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.core.errors import BadInput
from harness.core.files import file_sha256
from harness.data.base import Split
from harness.data.block_set import BlockSet, ImageBlock
from harness.data.image_arrays import (
    array_names,
    check_no_other_images,
    image_blocks,
    image_shape,
    read_labels,
)
from harness.data.image_files import Header, planes
from harness.data.image_memory import check_set
from harness.data.source import DatasetFactory, Source
from harness.data.user.factory import user_card
from harness.data.user.file_cache import values_by_file
from harness.data.user.image_options import OPTIONS, ImageOptions
from harness.data.user.layout import check_split, is_test
from harness.data.user.paths import check_argument, resolve_path, store_name

VERSION = 1
"""Raised when the code that makes pixels of arrays changes; sets are then prepared again."""


@dataclass(frozen=True)
class StoredArray:
    """An array of images in a file, the labels of all of them, and which of them a split has."""

    name: str
    count: int
    header: Header
    labels: NDArray[np.int64]
    chosen: NDArray[np.bool_]


def find_array_splits(path: Path) -> dict[str, StoredArray]:
    """The splits in the file. Raises BadInput where its arrays are others or do not fit."""
    if path.suffix.lower() != ".npz" or not path.is_file():
        raise BadInput(f"{path}: an .npz is needed here")
    names = array_names(path)
    images, labels = _names(path, names)
    check_no_other_images(path, names, {images, labels, "images_test", "labels_test"})
    train = _stored(path, images, labels if labels in names else "")
    if "images_test" in names:
        if (labels in names) != ("labels_test" in names):
            raise BadInput(f"{path}: of {labels} and labels_test one is missing")
        test = _stored(path, "images_test", "labels_test" if labels in names else "")
        if new := set(test.labels.tolist()) - set(train.labels.tolist()):
            raise BadInput(f"{path}: labels_test has {min(new)}, which {labels} has not")
    else:
        chosen = np.array([is_test(str(number)) for number in range(train.count)], np.bool_)
        train, test = replace(train, chosen=~chosen), replace(train, chosen=chosen)
    check_split(path, int(train.chosen.sum()), int(test.chosen.sum()))
    return {"train": train, "test": test}


def _names(path: Path, names: list[str]) -> tuple[str, str]:
    """Of the images and of their labels, whether there are any or not."""
    for images, labels in (("images", "labels"), ("arr_0", "arr_1")):
        if images in names:
            return images, labels
    if len(names) == 1:
        return names[0], "labels"
    raise BadInput(f"{path}: has {', '.join(sorted(names)[:5]) or 'nothing'}; no array images")


def _stored(path: Path, images: str, labels: str) -> StoredArray:
    count, height, width, channels = image_shape(path, images)
    values = read_labels(path, labels, count) if labels else np.zeros(count, np.int64)
    header = Header(width, height, channels)
    return StoredArray(images, count, header, values, np.ones(count, np.bool_))


def class_names(path: Path) -> tuple[str, ...]:
    """The numbers from 0 to the largest label."""
    largest = max(int(split.labels.max()) for split in find_array_splits(path).values())
    return tuple(str(number) for number in range(largest + 1))


def load_arrays(root: Path, path: Path, options: ImageOptions) -> tuple[Split, Split]:
    """The train and the test split in the file, prepared once below `root`. Raises BadInput."""
    splits = find_array_splits(path)
    shape = options.shape({s.header: f"{path} ({s.name})" for s in splits.values()})
    counts = {name: int(split.chosen.sum()) for name, split in splits.items()}
    for count in counts.values():
        check_set(path, count, shape.channels, shape.size, shape.size)
    (sha,) = values_by_file(root, path, [path], lambda files: [file_sha256(file) for file in files])
    key = {"version": VERSION, "form": asdict(options), "file": sha}
    sides = (shape.channels, shape.size, shape.size)
    stored = BlockSet(store_name(path), str(path), key, counts, sides)
    return stored.load(root, lambda split: _blocks(path, options, splits[split]))


def _blocks(path: Path, options: ImageOptions, split: StoredArray) -> Iterator[ImageBlock]:
    """The chosen images of an array, converted."""
    for start, pixels in image_blocks(path, split.name):
        rows = slice(start, start + len(pixels))
        chosen = split.chosen[rows]
        if chosen.any():
            images = [_converted(image, options) for image in pixels[chosen]]
            yield ImageBlock(np.stack(images), split.labels[rows][chosen])


def _converted(pixels: NDArray[np.uint8], options: ImageOptions) -> NDArray[np.uint8]:
    """An image H×W×C as C×S×S."""
    grey = pixels.shape[-1] == 1
    return planes(options.apply(Image.fromarray(pixels[..., 0] if grey else pixels)))


def _make(argument: str, options: Mapping[str, str]) -> Source:
    name = f"npz:{argument}"
    check_argument(name, argument)
    image_options = ImageOptions.read(name, options)
    return Source(
        user_card(name),
        lambda root: load_arrays(root, resolve_path(argument, root), image_options),
        lambda root: class_names(resolve_path(argument, root)),
        stored=store_name(Path(argument)),
    )


NPZ = DatasetFactory(_make, OPTIONS, "PATH", "images in an .npz")
