"""Datasets in memory: their images, what is known of each image, and their card."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import torch

from harness.data.gaussian_mixture import GaussianMixture
from harness.data.transforms import RandomBinarisation, TrainTransform, binarise, transform_stored


def image_digest(images: torch.Tensor) -> str:
    """SHA-256 of shape and pixels of images, in hexadecimal."""
    sha = hashlib.sha256(repr(tuple(images.shape)).encode())
    sha.update(images.contiguous().numpy().data)
    return sha.hexdigest()


@dataclass(frozen=True)
class Split:
    """Images as uint8 N×C×H×W with an int64 label each, and what else is known of each image.

    Points in the plane are images of one pixel: float32 N×2×1×1 in [-1, 1]. Images that are real
    numbers, not 8-bit pixels, are float32 too. Tensors may be mapped from files, so nothing may
    write to them.
    """

    images: torch.Tensor
    labels: torch.Tensor
    factors: torch.Tensor | None = None
    """The values of the factors of variation that made each image, int64 N×F."""
    texts: tuple[str, ...] | None = None
    """A sentence for each image."""
    masks: torch.Tensor | None = None
    """Where an image is defective, bool N×H×W."""
    sources: torch.Tensor | None = None
    """What each image is to be made from (translation, restoration), uint8 N×C×H×W."""
    known: torch.Tensor | None = None
    """Which pixels of the sources are known, where the model is told, bool N×H×W."""
    transform: TrainTransform | None = None
    """What is done to an image each time training shows it."""
    unpaired: bool = False
    """Whether labels 0 and 1 are two domains to translate between, of which training shows an image
    each in turn: none of one belongs to one of the other. In a test split whose counterparts are
    known, these are the `sources`."""
    outliers: torch.Tensor | None = None
    """Which training images are noise, under the labels of the images they replaced: bool N."""
    known_digest: str = ""
    """What `digest` is, where the images were prepared and hashed before."""

    def __len__(self) -> int:
        return len(self.images)

    def keep(self, mask: torch.Tensor) -> Split:
        """The images where `mask` is true, in order."""
        kept: dict[str, Any] = {name: tensor[mask] for name, tensor in self._tensors()}
        kept["texts"] = self.texts and tuple(itertools.compress(self.texts, mask.tolist()))
        kept |= {"transform": self.transform, "unpaired": self.unpaired}
        return Split(**kept)

    def digest(self) -> str:
        """SHA-256 of shape, pixels, labels and everything else that is known, in hexadecimal."""
        if self.known_digest:
            return self.known_digest
        sha = hashlib.sha256(repr(tuple(self.images.shape)).encode())
        for _, tensor in self._tensors():
            sha.update(tensor.contiguous().numpy().data)
        for text in self.texts or ():
            sha.update(text.encode() + b"\0")
        if self.transform:
            sha.update(self.transform.label.encode())
        if self.unpaired:
            sha.update(b"unpaired")
        return sha.hexdigest()

    def _tensors(self) -> list[tuple[str, torch.Tensor]]:
        named = [(field.name, getattr(self, field.name)) for field in fields(self)]
        return [(name, value) for name, value in named if isinstance(value, torch.Tensor)]


@dataclass(frozen=True)
class DatasetCard:
    """What a reader must know of a dataset. Every report shows it.

    `extractor` and `perceptual` name the default feature networks, of natural images unless said;
    `perceptual` is empty for real numbers, which suit none, and `text_image` the one of its texts.
    `factor_reader` names what reads the factors off an image, empty where nothing does. `classes`
    are in the order of their labels; `factors` names the columns of `Split.factors`. The channels
    of a video are the channels of its `frames`, one frame after the other. Every image shows a
    convex polygon with `corners` corners (0 where that is not known), and is its own mirror image,
    left to right, where `symmetric`.
    """

    title: str
    licence: str
    citation: str
    classes: tuple[str, ...] = ()
    extractor: str = "inception"
    perceptual: str = "lpips:alex"
    text_image: str = "clip"
    factor_reader: str = ""
    factors: tuple[str, ...] = ()
    frames: int = 1
    corners: int = 0
    symmetric: bool = False
    enlarged_from: int = 0
    """The side in pixels that images had before they were enlarged; 0 where they were not."""


@dataclass(frozen=True)
class Dataset:
    """A named pair of splits. `name` is canonical and includes the options: `digits[unseen=8]`.

    With `unseen` classes the task is one-class anomaly detection: `train` lacks these classes,
    `test` has all, and `normal_test` is the part of `test` that resembles the training data. Test
    images with masks of defects are the same task; class 0 is without a defect. `density` is the
    density of the training data, where it is known. `binary` images have only the values 0 and 255.
    """

    name: str
    train: Split
    test: Split
    card: DatasetCard
    unseen: tuple[int, ...] = field(default=())
    density: GaussianMixture | None = None
    binary: bool = False
    validation: Split | None = None
    """Images like the training images, which training leaves out: thresholds are set on them."""

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return int(self.train.images.shape[1])

    @property
    def frames(self) -> int:
        """The number of frames of a video; 1 for images."""
        return self.card.frames

    @property
    def colours(self) -> int:
        """The channels of an image, or of one frame of a video."""
        return self.channels // self.frames

    @property
    def size(self) -> int:
        """Height and width in pixels (images are square)."""
        return int(self.train.images.shape[2])

    @property
    def has_pixels(self) -> bool:
        """Whether the images are 8-bit pixels, and not real numbers."""
        return self.train.images.dtype == torch.uint8

    @property
    def detects(self) -> bool:
        """Whether some test images are anomalies."""
        return bool(self.unseen) or self.test.masks is not None

    @property
    def unpaired(self) -> bool:
        """Whether the classes are two domains to translate between."""
        return self.train.unpaired

    @cached_property
    def anomalous(self) -> torch.Tensor:
        """For each test image, whether its class is unseen or it is defective: bool N."""
        if not self.unseen and self.test.masks is not None:
            return self.test.labels != 0
        return torch.isin(self.test.labels, torch.tensor(self.unseen, dtype=torch.int64))

    @cached_property
    def normal_test(self) -> Split:
        """The test images that are no anomalies: the reference of every other metric."""
        return self.test.keep(~self.anomalous) if self.detects else self.test

    @cached_property
    def train_images(self) -> torch.Tensor:
        """The training images to compare samples with. Where training binarises them at random, one
        draw of that.
        """
        if isinstance(self.train.transform, RandomBinarisation):
            return torch.cat(transform_stored(binarise, self.train.images, "train"))
        return self.train.images

    @property
    def inliers(self) -> Split:
        """The training images that are no outliers."""
        outliers = self.train.outliers
        return self.train if outliers is None else self.train.keep(~outliers)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all splits, in hexadecimal."""
        splits = [self.train, self.test, *([self.validation] if self.validation else [])]
        return hashlib.sha256("".join(split.digest() for split in splits).encode()).hexdigest()
