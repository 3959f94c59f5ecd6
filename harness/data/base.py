"""What a dataset is once it is in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import torch


def image_digest(images: torch.Tensor) -> str:
    """SHA-256 of shape and pixels of uint8 images, in hexadecimal."""
    sha = hashlib.sha256(repr(tuple(images.shape)).encode())
    sha.update(images.contiguous().numpy().data)
    return sha.hexdigest()


@dataclass(frozen=True)
class Split:
    """Images as uint8 N×C×H×W, with an int64 label each."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.images)

    def keep(self, mask: torch.Tensor) -> Split:
        """The images where `mask` is true, in order."""
        return Split(self.images[mask], self.labels[mask])

    def digest(self) -> str:
        """SHA-256 of shape, pixels and labels, in hexadecimal."""
        sha = hashlib.sha256(repr(tuple(self.images.shape)).encode())
        sha.update(self.images.contiguous().numpy().data)
        sha.update(self.labels.contiguous().numpy().data)
        return sha.hexdigest()


@dataclass(frozen=True)
class About:
    """What a reader must know of a dataset; travels into every report.

    `extractor` and `perceptual` name the feature networks that suit the images by default.
    """

    title: str
    licence: str
    citation: str
    classes: tuple[str, ...]
    extractor: str
    perceptual: str


@dataclass(frozen=True)
class Dataset:
    """A named pair of splits. `name` is canonical and includes the options: `digits[unseen=8]`.

    With `unseen` classes the task is one-class anomaly detection: `train` lacks them, `test` has
    every class, and `normal_test` is the part of it that resembles the training data.
    """

    name: str
    train: Split
    test: Split
    about: About
    unseen: tuple[int, ...] = field(default=())

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return int(self.train.images.shape[1])

    @property
    def size(self) -> int:
        """Height and width in pixels (images are square)."""
        return int(self.train.images.shape[2])

    @cached_property
    def anomalous(self) -> torch.Tensor:
        """For each test image, whether its class is one of the unseen ones."""
        return torch.isin(self.test.labels, torch.tensor(self.unseen, dtype=torch.int64))

    @cached_property
    def normal_test(self) -> Split:
        """The test images of the classes that training saw: the reference of every other metric."""
        return self.test.keep(~self.anomalous) if self.unseen else self.test

    @cached_property
    def digest(self) -> str:
        """SHA-256 over both splits, in hexadecimal."""
        return hashlib.sha256(f"{self.train.digest()}{self.test.digest()}".encode()).hexdigest()
