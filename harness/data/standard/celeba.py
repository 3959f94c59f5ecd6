"""CelebA in its aligned and cropped form: 202,599 faces, 178×218."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray
from torchvision import datasets

from harness.core.errors import BadInput, read_error, suggest
from harness.core.keys import digest
from harness.data.base import DatasetCard, Split
from harness.data.source import DatasetFactory, Source
from harness.data.standard import sizing
from harness.data.standard.encoded_set import Encoded, EncodedSet, Photographs
from harness.data.standard.files import Files
from harness.data.standard.folders import images_in, stamp
from harness.data.standard.sizing import Sizing

ATTRIBUTES = tuple(
    """
    5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose
    Black_Hair Blond_Hair Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee
    Gray_Hair Heavy_Makeup High_Cheekbones Male Mouth_Slightly_Open Mustache Narrow_Eyes
    No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks Sideburns Smiling
    Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace
    Wearing_Necktie Young
""".split()
)
SIZE = 64
CROPS = {"178": 178, "148": 148}
"""The side of the square that is cut out of the middle: all of the width, or the face alone."""

COUNTS = {"train": 162_770, "test": 19_962}
PARTITIONS = {"train": "0", "test": "2"}
"""The authors' validation images, partition 1, are left out."""

ARCHIVE = "img_align_celeba.zip"
PARTITION_FILE = "list_eval_partition.txt"
ATTRIBUTE_FILE = "list_attr_celeba.txt"

_PINS = {name: md5 for _, md5, name in datasets.CelebA.file_list}
_HOME = "mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
FILES = Files(
    "CelebA",
    Path(datasets.CelebA.base_folder),
    {name: _PINS[name] for name in (PARTITION_FILE, ATTRIBUTE_FILE, ARCHIVE)},
    home=_HOME,
)


def load(sizing: Sizing, crop: int, attribute: str | None, root: Path) -> tuple[Split, Split]:
    """The authors' training and test images, RGB; all 40 attributes are factors, 0 or 1.

    Read from the archive, whose digest is pinned, or, where that is not there, from the folder
    that torchvision unpacks it into. One `attribute` may be the label.
    """
    files = FILES
    folder = root / files.folder
    unpacked = _unpacked_folder(root)
    identity = files.identity(root)
    if unpacked.is_dir() and not (folder / ARCHIVE).is_file():
        identity[ARCHIVE] = stamp([unpacked / name for name in images_in(unpacked)], unpacked)
        files = files.without(ARCHIVE)

    def photographs(split: str) -> Photographs:
        names, factors = _described(folder, PARTITIONS[split])
        encoded = _archived if ARCHIVE in files.sums else _unpacked
        return Photographs(encoded(folder, names), np.zeros(len(names), np.int64), factors)

    provide = partial(files.provide, root)
    factors = len(ATTRIBUTES)
    dataset = EncodedSet("celeba", identity, COUNTS, photographs, factors, crop, provide)
    train, test = dataset.load(root, sizing)
    return _labelled(train, attribute), _labelled(test, attribute)


def _unpacked_folder(root: Path) -> Path:
    return root / FILES.folder / Path(ARCHIVE).stem


def _files(root: Path) -> dict[Path, str]:
    """The archive, or the folder that was unpacked from it, and what describes the images."""
    if _unpacked_folder(root).is_dir() and not (root / FILES.folder / ARCHIVE).is_file():
        return {**FILES.without(ARCHIVE).pins(root), _unpacked_folder(root): ""}
    return FILES.pins(root)


def _labelled(split: Split, attribute: str | None) -> Split:
    """The images are prepared once, whichever attribute is their label."""
    if attribute is None or split.factors is None:
        return split
    labels = split.factors[:, ATTRIBUTES.index(attribute)].contiguous()
    return replace(split, labels=labels, known_digest=digest([split.known_digest, attribute]))


def _described(folder: Path, partition: str) -> tuple[list[str], NDArray[np.int64]]:
    """The names of the images of a partition, and their attributes N×40."""
    rows = (line.split() for line in (folder / PARTITION_FILE).read_text().splitlines())
    names = [row[0] for row in rows if row and row[1] == partition]
    _, header, *lines = (folder / ATTRIBUTE_FILE).read_text().splitlines()
    if tuple(header.split()) != ATTRIBUTES:
        raise BadInput(f"{folder / ATTRIBUTE_FILE}: line 2 does not name the 40 attributes")
    values = {name: signs for name, *signs in map(str.split, lines)}
    factors = np.array([[sign == "1" for sign in values[name]] for name in names], np.int64)
    return names, factors


def _archived(folder: Path, names: list[str]) -> Iterator[Encoded]:
    path = folder / ARCHIVE
    try:
        archive = ZipFile(path)  # open for as long as something reads from it
    except BadZipFile as error:
        raise read_error(path, error) from error
    for name in names:
        member = f"{path.stem}/{name}"
        yield f"{path}:{member}", partial(archive.read, member)


def _unpacked(folder: Path, names: list[str]) -> Iterator[Encoded]:
    for name in names:
        path = folder / Path(ARCHIVE).stem / name
        yield str(path), path.read_bytes


def _make(_: str, options: Mapping[str, str]) -> Source:
    sizing = Sizing.read("celeba", options, SIZE)
    crop = options.get("crop", "178")
    if crop not in CROPS:
        raise BadInput(f"celeba: crop={crop}; known are {', '.join(CROPS)}")
    attribute = options.get("attribute")
    if attribute is not None and attribute not in ATTRIBUTES:
        raise BadInput(f"celeba: unknown attribute {attribute!r}{suggest(attribute, ATTRIBUTES)}")
    card = DatasetCard(
        title="CelebA",
        licence="for non-commercial research purposes only",
        citation="Liu, Luo, Wang & Tang 2015, arXiv:1411.7766",
        classes=(f"not {attribute}", attribute) if attribute else ("face",),
        factors=ATTRIBUTES,
    )
    return Source(
        card,
        partial(load, sizing, CROPS[crop], attribute),
        files=_files,
        stored="celeba",
        shapes={split: (count, 3, sizing.size, sizing.size) for split, count in COUNTS.items()},
    )


CELEBA = DatasetFactory(_make, ("attribute", "crop", *sizing.OPTIONS))
