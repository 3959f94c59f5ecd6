"""Sets of images from outside: what `harness score` compares."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import torch

from harness.core.counting import counted_of
from harness.core.errors import BadInput, first_three, suggest
from harness.core.printable import printable
from harness.data import images_on_disk
from harness.data.base import Dataset, image_digest
from harness.data.image_memory import LazyImages
from harness.data.image_search import path_stem
from harness.data.images_on_disk import AS_STORED, OpenOptions, indices, is_one_file
from harness.data.load import DATASETS, load_dataset

SPLITS = ("train", "test")


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images of one size, uint8 N×C×H×W with C = 1 or 3, and a name each.

    Names are paths in the folder (`cats/001.png`), or indices (`00042`) where images have no files.
    `description` says in a few words where the images are from, and `left_out` how many other files
    there are, and `remark` what else must be known of what was read.
    `dataset`, `split` and `labels` (int64 N) are set where it is a split of a dataset.
    Of a source that is `Unread` the shape is known, and pixels are read when they are first asked
    for; BadInput then where a file is damaged.
    """

    source: torch.Tensor | LazyImages
    names: list[str]
    description: str
    dataset: Dataset | None = None
    split: str = ""
    labels: torch.Tensor | None = None
    left_out: int = 0
    remark: str = ""

    @cached_property
    def images(self) -> torch.Tensor:
        """The pixels; BadInput where they cannot be read."""
        return self.source.read() if isinstance(self.source, LazyImages) else self.source

    @property
    def formats(self) -> frozenset[str]:
        """Those of the files, as Pillow names them, where each image is one."""
        return self.source.formats if isinstance(self.source, LazyImages) else frozenset()

    @property
    def resized_from(self) -> tuple[tuple[int, int], ...]:
        """Heights and widths of the images before they were resized; empty where they were not."""
        sizes = self.source.sizes if isinstance(self.source, LazyImages) else ()
        return () if set(sizes) <= {self.shape[2:]} else sizes

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """N, C, H, W."""
        count, channels, height, width = self.source.shape
        return count, channels, height, width

    def __len__(self) -> int:
        return self.shape[0]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of shape and pixels, in hexadecimal: the same for a folder and an array."""
        return image_digest(self.images)


def load_images(where: str, root: Path | None = None) -> ImageSet:
    """As `open_images`, with the pixels read."""
    images = open_images(where, OpenOptions(root))
    _ = images.images
    return images


def open_images(where: str | ImageSet, how: OpenOptions = AS_STORED) -> ImageSet:
    """The images at `where`, in order of their names; of files only the headers are read yet. A set
    that is open already is resized alone.

    `where` is a folder or a zip archive of images (PNG, JPEG, BMP, WebP, TIFF; also in folders
    within it), one such file, a pattern of such (`out/*_fake.png`: an image's name is what the
    stars stand for), an `.npz` or `.npy` of uint8 N×H×W×C or N×H×W, or a split of a dataset:
    `cifar10:test`, `digits:train`. What exists on disk is read from there, even where a dataset has
    the same name. Of a task such as `digits[unseen=8]:test` the images are those of the classes
    that training saw, as in a suite.

    Pixels are taken as they are stored, turned as the file's orientation tag says: nothing is
    resized unless that is asked for, and a colour space other than sRGB is refused. Raises BadInput
    with one line, which names the file, for whatever is wrong, and where there are too few images.
    """
    if isinstance(where, ImageSet):
        return _resized(where, how)
    if not where.strip():
        raise BadInput("the name of a set of images is empty; name a folder, a file or a split")
    path = Path(where)
    try:
        if path.is_symlink() and not path.exists():
            raise BadInput(f"{where}: a link to {path.readlink()}, which does not exist")
        is_there = images_on_disk.is_on_disk(where) and not _is_task(where)
    except (OSError, ValueError) as error:  # too long for a name, or with a zero in it
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise BadInput(f"{first_letters(where)}: no such file or folder ({reason})") from error
    if is_there:
        opened = images_on_disk.open_on_disk(where, how)
        return ImageSet(
            opened.images,
            opened.names,
            printable(opened.description),
            labels=opened.labels,
            left_out=opened.left_out,
            remark=opened.remark,
        )
    return _resized(_from_dataset(where, how.root), how)


def _resized(images: ImageSet, how: OpenOptions) -> ImageSet:
    """Resized, a split is one of its dataset no more."""
    _, _, height, width = shape = images.shape
    if how.resize is None or (height, width) == (how.resize.size, how.resize.size):
        return images
    unread = LazyImages(shape, lambda: images.images)
    made = images_on_disk.resized(unread, images.description, how.resize)
    return ImageSet(made, images.names, images.description, labels=images.labels)


def split_images(dataset: Dataset, split: str) -> ImageSet:
    """The images of a dataset's split, "train" or "test"; BadInput where they are no images."""
    if not dataset.has_pixels:
        raise BadInput(f"{dataset.name} has real numbers, not images of 8-bit pixels to compare")
    if dataset.frames > 1:
        raise BadInput(f"{dataset.name} has videos; only images are compared here")
    part = dataset.train if split == "train" else dataset.normal_test
    return ImageSet(
        part.images,
        indices(len(part)),
        f"{dataset.name}:{split}",
        dataset=dataset,
        split=split,
        labels=part.labels,
    )


def open_pairs(
    a: str | ImageSet, b: str | ImageSet, how: OpenOptions = AS_STORED
) -> tuple[ImageSet, ImageSet]:
    """Two sets (see `open_images`; one pair is enough) whose images i belong together.

    Files belong together by their path in the folder without its suffix: `x/1.png` and `x/1.jpg`.
    Images of an array or a dataset are named by their index; of two files each is the other's
    partner, whatever they are called. Raises BadInput where an image is left
    without a partner, where a partner is ambiguous, and where the sizes differ.
    """
    first, second = (open_images(where, replace(how, at_least=1)) for where in (a, b))
    place, partner = place_of(a), place_of(b)
    if not (is_one_file(place) and is_one_file(partner)):
        _check_names((place, first), (partner, second))
    if first.shape != second.shape:
        raise BadInput(
            f"images of {place} are {size_text(first)}, but images of {partner} are "
            f"{size_text(second)} (C×H×W); "
            "pairs need as many images, one size and one number of channels"
        )
    return first, second


def place_of(where: str | ImageSet) -> str:
    """Where a set is, for an error line."""
    return where if isinstance(where, str) else where.description


def _from_dataset(where: str, root: Path | None) -> ImageSet:
    name, _, split = where.rpartition(":")
    if split not in SPLITS:
        raise BadInput(_nothing_there(where))
    return split_images(load_dataset(name, root), split)


def _is_task(where: str) -> bool:
    """Whether a name that is no path is a dataset's with what is in brackets, right or wrong."""
    name, bracket, _ = where.partition("[")
    is_known = bool(bracket) and name.partition(":")[0] in DATASETS
    return is_known and not Path(where).exists() and "*" not in where


def _nothing_there(where: str) -> str:
    """What may have been meant by a name that is neither a path nor `dataset:split`."""
    dataset = re.split(r"[:\[]", where)[0]
    if dataset not in DATASETS:
        is_path = "/" in where or Path(where).suffix
        return f"{where}: no such file or folder" + (
            "" if is_path else f", and no dataset of this name{suggest(dataset, DATASETS.names())}"
        )
    name, bracket, options = where.partition("[")
    if ":" not in (options.partition("]")[2] if bracket else name):
        return f"{where}: name a split of the dataset: {where}:test or {where}:train"
    hint = suggest(where.rpartition(":")[2], SPLITS)
    return f"{where}: no such split{hint}; it ends with :test or :train"


def _stems(where: str, images: ImageSet) -> list[str]:
    stems = [path_stem(name) for name in images.names]
    for index, (one, other) in enumerate(pairwise(stems)):  # sorted: equal ones are neighbours
        if one == other:
            name, next_name = images.names[index : index + 2]
            raise BadInput(
                f"{where}: {name} and {next_name} differ in suffix only, or in how an accent is "
                "written; keep one"
            )
    return stems


def _check_names(one: tuple[str, ImageSet], other: tuple[str, ImageSet]) -> None:
    (a, first), (b, second) = one, other
    stems, partners = _stems(a, first), _stems(b, second)
    _check_partners(a, first, set(partners), b)
    _check_partners(b, second, set(stems), a)
    if stems != partners:  # names are sorted in every set, so equal names have equal places
        raise AssertionError(f"{a} and {b} have equal names in different order")


def _check_partners(where: str, images: ImageSet, partners: set[str], other: str) -> None:
    alone = [name for name in images.names if path_stem(name) not in partners]
    if alone:
        raise BadInput(
            f"{where}: {counted_of(len(alone), len(images), 'image')} without a partner in {other} "
            f"(by name, without suffix): {first_three(alone)}"
        )


def size_text(images: torch.Tensor | ImageSet) -> str:
    """C×H×W of images N×C×H×W, for an error line: `3×32×32`."""
    return "×".join(str(length) for length in images.shape[1:])


def first_letters(name: str) -> str:
    """A name, cut for an error line."""
    return name if len(name) <= 80 else f"{name[:80]}…"
