"""SVHN in its cropped form: house numbers from street views, 32×32."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scipy.io import loadmat
from torchvision import datasets

from harness.core.errors import read_error
from harness.data.base import DatasetCard
from harness.data.block_set import ImageBlock
from harness.data.standard.array_set import ArraySet, maker
from harness.data.standard.files import Files, downloader

_RESOURCES = {
    name: (address, md5)
    for address, name, md5 in (datasets.SVHN.split_list[split] for split in ("train", "test"))
}


def _blocks(folder: Path, split: str) -> Iterator[ImageBlock]:
    """The file has H×W×C×N and calls the digit 0 class 10, which becomes 0 as in torchvision."""
    path = folder / datasets.SVHN.split_list[split][1]
    try:
        content = loadmat(path, variable_names=("X", "y"))
        images, labels = content["X"].transpose(3, 2, 0, 1), content["y"].reshape(-1) % 10
    except Exception as error:  # a damaged file makes the reader raise almost anything
        raise read_error(path, error) from error
    yield ImageBlock(images, labels)


SVHN_SET = ArraySet(
    "svhn",
    DatasetCard(
        title="SVHN (cropped digits)",
        licence="for non-commercial use only",
        citation=(
            "Netzer et al. 2011, Reading Digits in Natural Images with Unsupervised Feature "
            "Learning"
        ),
        classes=tuple("0123456789"),
    ),
    Files(
        "SVHN",
        Path(),
        {name: md5 for name, (_, md5) in _RESOURCES.items()},
        downloader(Path(), _RESOURCES),
    ),
    {"train": 73_257, "test": 26_032},
    (3, 32, 32),
    _blocks,
)
SVHN = maker(SVHN_SET)
