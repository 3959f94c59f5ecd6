"""Sets made in MNIST's image: KMNIST, QMNIST and EMNIST, 28×28, grey, in idx files.

They are read from the archives as they were downloaded, for which torchvision pins MD5, since
nobody published digests of what is inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from torchvision import datasets

from harness.core.errors import BadInput, suggest
from harness.data.base import DatasetCard
from harness.data.block_set import ImageBlock
from harness.data.source import DatasetFactory, Source
from harness.data.standard import sizing
from harness.data.standard.array_set import ArraySet, maker
from harness.data.standard.files import Files, downloader
from harness.data.standard.idx import read_idx
from harness.data.standard.mnist import COUNTS, DIGITS, SHAPE, mnist_split, pairs


def _archives(
    title: str, kind: type[datasets.MNIST], resources: Mapping[str, tuple[str, str]]
) -> Files:
    """Files by name, each with its address and MD5, where torchvision's dataset keeps them."""
    folder = Path(kind.__name__, "raw")
    sums = {name: md5 for name, (_, md5) in resources.items()}
    return Files(title, folder, sums, downloader(folder, resources))


_KMNIST = {
    name: (datasets.KMNIST.mirrors[0] + name, md5) for name, md5 in datasets.KMNIST.resources
}
KMNIST_SET = ArraySet(
    "kmnist",
    DatasetCard(
        title="Kuzushiji-MNIST",
        licence="CC BY-SA 4.0",
        citation="Clanuwat et al. 2018, arXiv:1812.01718",
        classes=tuple(datasets.KMNIST.classes),
    ),
    _archives("Kuzushiji-MNIST", datasets.KMNIST, _KMNIST),
    COUNTS,
    SHAPE,
    partial(mnist_split, ".gz"),
)


def _qmnist(folder: Path, split: str) -> Iterator[ImageBlock]:
    """A label is eight numbers; the first is the class."""
    images, labels = (
        folder / Path(address).name for address, _ in datasets.QMNIST.resources[split]
    )
    return pairs(read_idx(images), (numbers[:, 0] for numbers in read_idx(labels)))


_QMNIST = {
    Path(address).name: (address, md5)
    for split in ("train", "test")
    for address, md5 in datasets.QMNIST.resources[split]
}
QMNIST_SET = ArraySet(
    "qmnist",
    DatasetCard(
        title="QMNIST",
        licence="BSD 3-clause (its repository)",
        citation="Yadav & Bottou 2019, arXiv:1905.10498",
        classes=DIGITS,
        extractor="classifier:mnist",
        perceptual="classifier:mnist",
    ),
    _archives("QMNIST", datasets.QMNIST, _QMNIST),
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

_EMNIST_FILES = _archives(
    "EMNIST", datasets.EMNIST, {"gzip.zip": (datasets.EMNIST.url, datasets.EMNIST.md5)}
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
        DatasetCard(
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


def _emnist(split: str, folder: Path, part: str) -> Iterator[ImageBlock]:
    read = partial(read_idx, folder / "gzip.zip")
    return pairs(
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


KMNIST = maker(KMNIST_SET)
QMNIST = maker(QMNIST_SET)
EMNIST = DatasetFactory(_make_emnist, ("split", *sizing.OPTIONS))
