"""MNIST and the sets made in its image: 28×28, grey, in idx files.

MNIST and Fashion-MNIST are read from their unpacked files, which have pinned SHA-256. The others
are read from the archives as they were downloaded, for which torchvision pins MD5, since nobody
published digests of what is inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torchvision import datasets

from harness.data.base import About
from harness.data.source import Maker, Source
from harness.data.standard import sizing
from harness.data.standard.array_set import ArraySet, Block, maker
from harness.data.standard.files import Files, fetch
from harness.data.standard.idx import read_idx
from harness.spec.errors import BadInput, suggest

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


def _raw(kind: type[datasets.MNIST]) -> Path:
    return Path(kind.__name__, "raw")


def _pairs(
    images: Iterator[NDArray[np.uint8]], labels: Iterator[NDArray[np.uint8]]
) -> Iterator[Block]:
    for pixels, label in zip(images, labels, strict=False):  # how many come is checked later
        yield Block(pixels[:, None], label)


def _plain(suffix: str, folder: Path, split: str) -> Iterator[Block]:
    part = PARTS[split]
    return _pairs(
        read_idx(folder / f"{part}-images-idx3-ubyte{suffix}"),
        read_idx(folder / f"{part}-labels-idx1-ubyte{suffix}"),
    )


def _unpacked(kind: type[datasets.MNIST], sums: Mapping[str, str]) -> Files:
    return Files(kind.__name__, _raw(kind), sums, lambda root: kind(root, download=True))


MNIST_SET = ArraySet(
    "mnist",
    About(
        title="MNIST",
        licence="none stated by its authors; commonly listed as CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio & Haffner 1998, doi:10.1109/5.726791",
        classes=DIGITS,
        extractor="classifier:mnist",
        perceptual="classifier:mnist",
    ),
    _unpacked(datasets.MNIST, MNIST_SUMS),
    COUNTS,
    SHAPE,
    partial(_plain, ""),
)

FASHION_MNIST_SET = ArraySet(
    "fashion-mnist",
    About(
        title="Fashion-MNIST",
        licence="MIT",
        citation="Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747",
        classes=tuple(datasets.FashionMNIST.classes),
        extractor="classifier:fashion-mnist",
        perceptual="classifier:fashion-mnist",
    ),
    _unpacked(datasets.FashionMNIST, FASHION_MNIST_SUMS),
    COUNTS,
    SHAPE,
    partial(_plain, ""),
)

_KMNIST = {
    name: (datasets.KMNIST.mirrors[0] + name, md5) for name, md5 in datasets.KMNIST.resources
}
KMNIST_SET = ArraySet(
    "kmnist",
    About(
        title="Kuzushiji-MNIST",
        licence="CC BY-SA 4.0",
        citation="Clanuwat et al. 2018, arXiv:1812.01718",
        classes=tuple(datasets.KMNIST.classes),
        extractor="inception",
        perceptual="lpips:alex",
    ),
    Files(
        "Kuzushiji-MNIST",
        _raw(datasets.KMNIST),
        {name: md5 for name, (_, md5) in _KMNIST.items()},
        fetch(_raw(datasets.KMNIST), _KMNIST),
    ),
    COUNTS,
    SHAPE,
    partial(_plain, ".gz"),
)


def _qmnist(folder: Path, split: str) -> Iterator[Block]:
    """Labels are eight numbers a digit, of which the first is the class."""
    images, labels = (
        folder / Path(address).name for address, _ in datasets.QMNIST.resources[split]
    )
    return _pairs(read_idx(images), (numbers[:, 0] for numbers in read_idx(labels)))


_QMNIST = {
    Path(address).name: (address, md5)
    for split in ("train", "test")
    for address, md5 in datasets.QMNIST.resources[split]
}
QMNIST_SET = ArraySet(
    "qmnist",
    About(
        title="QMNIST",
        licence="BSD 3-clause (its repository)",
        citation="Yadav & Bottou 2019, arXiv:1905.10498",
        classes=DIGITS,
        extractor="classifier:mnist",
        perceptual="classifier:mnist",
    ),
    Files(
        "QMNIST",
        _raw(datasets.QMNIST),
        {name: md5 for name, (_, md5) in _QMNIST.items()},
        fetch(_raw(datasets.QMNIST), _QMNIST),
    ),
    {"train": 60_000, "test": 60_000},
    SHAPE,
    _qmnist,
)

EMNIST_COUNTS = {
    "balanced": (112_800, 18_800),
    "byclass": (697_932, 116_323),
    "bymerge": (697_932, 116_323),
    "digits": (240_000, 40_000),
    "letters": (124_800, 20_800),
    "mnist": (60_000, 10_000),
}
"""Train and test images of each way to split it, in the files. (The paper's table of `letters` has
fewer, 88,800 and 14,800.)"""

_EMNIST_FILES = Files(
    "EMNIST",
    _raw(datasets.EMNIST),
    {"gzip.zip": datasets.EMNIST.md5},
    fetch(_raw(datasets.EMNIST), {"gzip.zip": (datasets.EMNIST.url, datasets.EMNIST.md5)}),
)


def emnist_set(split: str) -> ArraySet:
    """EMNIST split by `split`.

    The files have every image transposed, and torchvision gives them so; here they are upright.
    The labels of `letters` start from 1 there, with a class "N/A" that has no images; here from 0.
    """
    letters = split == "letters"
    handwritten_digits = split in ("digits", "mnist")
    return ArraySet(
        f"emnist-{split}",
        About(
            title=f"EMNIST ({split})",
            licence="none stated by its authors",
            citation="Cohen, Afshar, Tapson & van Schaik 2017, arXiv:1702.05373",
            classes=tuple(datasets.EMNIST.classes_split_dict[split][letters:]),
            extractor="classifier:mnist" if handwritten_digits else "inception",
            perceptual="classifier:mnist" if handwritten_digits else "lpips:alex",
        ),
        _EMNIST_FILES,
        dict(zip(("train", "test"), EMNIST_COUNTS[split], strict=True)),
        SHAPE,
        partial(_emnist, split),
    )


def _emnist(split: str, folder: Path, part: str) -> Iterator[Block]:
    read = partial(read_idx, folder / "gzip.zip")
    return _pairs(
        (
            pixels.transpose(0, 2, 1)
            for pixels in read(f"gzip/emnist-{split}-{part}-images-idx3-ubyte.gz")
        ),
        (
            labels - np.uint8(split == "letters")
            for labels in read(f"gzip/emnist-{split}-{part}-labels-idx1-ubyte.gz")
        ),
    )


def _make_emnist(_: str, options: Mapping[str, str]) -> Source:
    split = options.get("split", "balanced")
    if split not in EMNIST_COUNTS:
        raise BadInput(
            f"emnist: split={split}; known are {', '.join(EMNIST_COUNTS)}"
            f"{suggest(split, EMNIST_COUNTS)}"
        )
    return emnist_set(split).source(options)


MNIST = maker(MNIST_SET)
FASHION_MNIST = maker(FASHION_MNIST_SET)
KMNIST = maker(KMNIST_SET)
QMNIST = maker(QMNIST_SET)
EMNIST = Maker(_make_emnist, ("split", *sizing.OPTIONS))
