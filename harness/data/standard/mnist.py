"""MNIST and Fashion-MNIST: 28×28, grey, in idx files, read unpacked, with pinned SHA-256."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.base import DatasetCard
from harness.data.block_set import ImageBlock
from harness.data.standard.array_set import ArraySet, maker
from harness.data.standard.files import Files, by_torchvision
from harness.data.standard.idx import read_idx

DIGITS = tuple("0123456789")
SHAPE = (1, 28, 28)
COUNTS = {"train": 60_000, "test": 10_000}
PARTS = {"train": "train", "test": "t10k"}

MNIST_SUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
FASHION_MNIST_SUMS = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
FASHIONS = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def pairs(
    images: Iterator[NDArray[np.uint8]], labels: Iterator[NDArray[np.uint8]]
) -> Iterator[ImageBlock]:
    """Yields images and their labels, in the same blocks."""
    for pixels, label in zip(images, labels, strict=False):  # how many come is checked later
        yield ImageBlock(pixels[:, None], label)


def mnist_split(suffix: str, folder: Path, split: str) -> Iterator[ImageBlock]:
    """A split of files that are named as MNIST's are, with a suffix."""
    part = PARTS[split]
    return pairs(
        read_idx(folder / f"{part}-images-idx3-ubyte{suffix}"),
        read_idx(folder / f"{part}-labels-idx1-ubyte{suffix}"),
    )


def _unpacked(kind: str, sums: Mapping[str, str]) -> Files:
    return Files(kind, Path(kind, "raw"), sums, by_torchvision(kind))


MNIST_SET = ArraySet(
    "mnist",
    DatasetCard(
        title="MNIST",
        licence="none stated by its authors; commonly listed as CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio & Haffner 1998, doi:10.1109/5.726791",
        classes=DIGITS,
        extractor="classifier:mnist",
        perceptual="classifier:mnist",
    ),
    _unpacked("MNIST", MNIST_SUMS),
    COUNTS,
    SHAPE,
    partial(mnist_split, ""),
    classifiers={16: "classifier:mnist-16"},
)

FASHION_MNIST_SET = ArraySet(
    "fashion-mnist",
    DatasetCard(
        title="Fashion-MNIST",
        licence="MIT",
        citation="Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747",
        classes=FASHIONS,
        extractor="classifier:fashion-mnist",
        perceptual="classifier:fashion-mnist",
    ),
    _unpacked("FashionMNIST", FASHION_MNIST_SUMS),
    COUNTS,
    SHAPE,
    partial(mnist_split, ""),
    classifiers={16: "classifier:fashion-mnist-16"},
)

MNIST = maker(MNIST_SET)
FASHION_MNIST = maker(FASHION_MNIST_SET)
