"""STL-10: 96×96 photographs, few with a label and many without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torchvision import datasets

from harness.core.errors import BadInput
from harness.data.base import DatasetCard
from harness.data.block_set import ImageBlock
from harness.data.source import DatasetFactory, Source
from harness.data.standard import sizing
from harness.data.standard.array_set import ArraySet
from harness.data.standard.files import Files, by_torchvision

SHAPE = (3, 96, 96)
NAMES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
STEMS = {"labeled": "train", "unlabeled": "unlabeled"}
"""What the files of the training images are called."""

COUNTS = {"labeled": 5_000, "unlabeled": 100_000}
BLOCK = 1_000


def stl10_set(part: str) -> ArraySet:
    """STL-10 with the 5,000 labelled training images, or the 100,000 without a label.

    The 8,000 test images are the same. With `part` unlabeled there is one class, in both splits.
    """
    sums = dict(map(tuple, [*datasets.STL10.train_list, *datasets.STL10.test_list]))
    unused = "train_" if part == "unlabeled" else "unlabeled_"
    return ArraySet(
        "stl10" if part == "labeled" else f"stl10-{part}",
        DatasetCard(
            title="STL-10" if part == "labeled" else f"STL-10 ({part})",
            licence="none stated by its authors",
            citation=(
                "Coates, Ng & Lee 2011, An Analysis of Single-Layer Networks in Unsupervised "
                "Feature Learning"
            ),
            classes=NAMES if part == "labeled" else ("photograph",),
        ),
        Files(
            "STL-10",
            Path(datasets.STL10.base_folder),
            {name: md5 for name, md5 in sums.items() if not name.startswith(unused)},
            by_torchvision("STL10"),
        ),
        {"train": COUNTS[part], "test": 8_000},
        SHAPE,
        partial(_blocks, part),
    )


def _blocks(part: str, folder: Path, split: str) -> Iterator[ImageBlock]:
    """Labels count from 1 in the files; here, as in torchvision, from 0."""
    stem = STEMS[part] if split == "train" else split
    labels = None
    if part == "labeled":
        labels = np.fromfile(folder / f"{stem}_y.bin", np.uint8) - np.uint8(1)
    start = 0
    for images in _images(folder / f"{stem}_X.bin"):
        stop = start + len(images)
        block_labels = np.zeros(len(images), np.uint8) if labels is None else labels[start:stop]
        yield ImageBlock(images, block_labels)
        start = stop


def _images(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Each plane is stored column by column."""
    each = int(np.prod(SHAPE))
    with path.open("rb") as file:
        while content := file.read(BLOCK * each):
            if len(content) % each:
                raise BadInput(f"{path}: cut short in an image")
            yield np.frombuffer(content, np.uint8).reshape(-1, *SHAPE).transpose(0, 1, 3, 2)


def _make(_: str, options: Mapping[str, str]) -> Source:
    part = options.get("part", "labeled")
    if part not in STEMS:
        raise BadInput(f"stl10: part={part}; labeled or unlabeled is needed")
    return stl10_set(part).source(options)


STL10 = DatasetFactory(_make, ("part", *sizing.OPTIONS))
