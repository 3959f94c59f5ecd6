"""ImageNet (ILSVRC 2012), unpacked: `imagenet/train/CLASS/*.JPEG` and `imagenet/val/CLASS/…`.

A part of it, or another set in the same folders, is read alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from torchvision.models import ResNet18_Weights

from harness.core.errors import BadInput
from harness.data.base import DatasetCard, Split
from harness.data.source import DatasetFactory, Source
from harness.data.standard import sizing
from harness.data.standard.encoded_set import Encoded, EncodedSet, Photographs
from harness.data.standard.folders import folders_in, images_in, stamp
from harness.data.standard.sizing import Sizing

SIZE = 64
FOLDERS = {"train": "train", "test": "val"}


def classes(root: Path) -> tuple[str, ...]:
    """The names of the classes, in the order of their folders.

    Of all 1,000 they are torchvision's, which has them in this order; of fewer, the folders'.
    """
    folders = _class_folders(root / "imagenet")
    names: list[str] = ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
    whole = len(folders) == len(names) and all(_is_wnid(name) for name in folders)
    return tuple(names if whole else folders)


def _is_wnid(name: str) -> bool:
    """WordNet's number of a noun, such as n01440764."""
    return len(name) == 9 and name[0] == "n" and name[1:].isdecimal()


def _class_folders(folder: Path) -> list[str]:
    folders = {part: _listed(folder / part) for part in FOLDERS.values()}
    if folders["train"] != folders["val"]:
        odd = sorted(set(folders["train"]) ^ set(folders["val"]))[0]
        raise BadInput(
            f"{folder}: train and val must have the same folders, one a class; {odd!r} is in one "
            "of them only"
        )
    if len(folders["train"]) < 2:
        raise BadInput(
            f"{folder / 'train'}: {len(folders['train'])} folders; one a class is needed"
        )
    return folders["train"]


def _listed(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise BadInput(
            f"{folder}: this folder of ImageNet is missing; get it from image-net.org or name the "
            f"folder that holds imagenet/{folder.name} with --data-root or HARNESS_DATA"
        )
    return folders_in(folder)


def load(sizing: Sizing, root: Path) -> tuple[Split, Split]:
    """The training images, and the validation images as the test split, RGB."""
    folder = root / "imagenet"
    names = _class_folders(folder)
    files: dict[str, list[Path]] = {}
    labels: dict[str, list[int]] = {}
    for split, part in FOLDERS.items():
        images = [
            [folder / part / name / file for file in images_in(folder / part / name)]
            for name in names
        ]
        empty = [name for name, image_paths in zip(names, images, strict=True) if not image_paths]
        if empty:
            raise BadInput(f"{folder / part / empty[0]}: no images in it")
        files[split] = [path for image_paths in images for path in image_paths]
        labels[split] = [label for label, image_paths in enumerate(images) for _ in image_paths]
    identity = {split: stamp(paths, folder) for split, paths in files.items()}
    counts = {split: len(paths) for split, paths in files.items()}

    def photographs(split: str) -> Photographs:
        return Photographs(_encoded(files[split]), np.array(labels[split], np.int64))

    return EncodedSet("imagenet", identity, counts, photographs).load(root, sizing)


def _encoded(paths: Sequence[Path]) -> Iterator[Encoded]:
    return ((str(path), path.read_bytes) for path in paths)


def _make(_: str, options: Mapping[str, str]) -> Source:
    sizing = Sizing.read("imagenet", options, SIZE)
    card = DatasetCard(
        title="ImageNet (ILSVRC 2012)",
        licence="for non-commercial research and educational purposes only (terms of access)",
        citation="Russakovsky et al. 2015, arXiv:1409.0575",
    )
    return Source(
        card,
        partial(load, sizing),
        classes,
        files=lambda root: {root / "imagenet" / part: "" for part in FOLDERS.values()},
        stored="imagenet",
    )


IMAGENET = DatasetFactory(_make, sizing.OPTIONS)
