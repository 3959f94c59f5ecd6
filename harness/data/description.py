"""A summary of a dataset in plain values, for a person who wants to train on it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from harness.data.base import Dataset, Split

BLOCK = 4096
"""Images taken at a time: sets may be larger than memory."""

EXAMPLES = 3


def tasks_of(dataset: Dataset) -> list[str]:
    """Return the tasks that the dataset is for, besides generation and reconstruction, in words."""
    train, test = dataset.train, dataset.test
    how = train.transform.label if train.transform else ""
    conditions = {
        f"one-class anomaly detection ({_one_class(dataset)})": dataset.unseen,
        "anomaly segmentation": test.masks is not None,
        f"restoration ({how})": test.sources is not None and how,
        "translation from paired images": test.sources is not None and not how,
        f"likelihood ({how or 'binary images'})": dataset.binary or (how and test.sources is None),
        "text to image": train.texts is not None,
        "disentanglement": train.factors is not None,
        f"video of {dataset.card.frames} frames": dataset.card.frames > 1,
        "comparison with a known density": dataset.density is not None,
    }
    return [task for task, is_met in conditions.items() if is_met]


def images_of(dataset: Dataset) -> str:
    """Return what an image is, in words: `32×32, RGB`; `16×16 enlarged from 8×8, grey`."""
    frames, size = dataset.card.frames, dataset.size
    if size == 1:
        return "points in the plane"
    colours = "grey" if dataset.channels == frames else "RGB"
    several = f"{frames} frames of " if frames > 1 else ""
    native = dataset.card.enlarged_from
    enlarged = f" enlarged from {native}×{native}" if native else ""
    return f"{several}{size}×{size}{enlarged}, {colours if dataset.has_pixels else 'real numbers'}"


def _one_class(dataset: Dataset) -> str:
    """`8 unseen`, or `only 8 seen`: the fewer ones."""
    names = dataset.card.classes
    unseen = [name for label, name in enumerate(names) if label in dataset.unseen]
    seen = [name for name in names if name not in unseen]
    if len(unseen) <= len(seen):
        return f"{', '.join(unseen)} unseen"
    return f"only {', '.join(seen)} seen"


def describe_dataset(dataset: Dataset) -> dict[str, Any]:
    """Everything but the images, as plain values for JSON.

    Means and standard deviations are of a channel over all images and pixels; of 8-bit pixels on a
    scale from 0 to 1.
    """
    card = dataset.card
    return {
        "name": dataset.name,
        "title": card.title,
        "licence": card.licence,
        "citation": card.citation,
        "tasks": tasks_of(dataset),
        "digest": dataset.digest,
        "images": images_of(dataset),
        "shape": list(dataset.train.images.shape[1:]),
        "type": str(dataset.train.images.dtype).removeprefix("torch."),
        "frames": card.frames,
        "classes": list(card.classes),
        "unseen": list(dataset.unseen),
        "factors": _factors(dataset),
        "extractor": card.extractor,
        "perceptual": card.perceptual,
        "splits": {
            name: _split(split, len(card.classes))
            for name, split in (("train", dataset.train), ("test", dataset.test))
        },
    }


def _factors(dataset: Dataset) -> dict[str, int]:
    """How many values each factor takes in the training images."""
    if dataset.train.factors is None:
        return {}
    columns = dataset.train.factors.unbind(dim=1)
    return {
        name: len(torch.unique(column))
        for name, column in zip(dataset.card.factors, columns, strict=True)
    }


def _split(split: Split, classes: int) -> dict[str, Any]:
    mean, deviation = moments(split.images)
    values = {
        "images": len(split),
        "digest": split.digest(),
        "counts": split.labels.bincount(minlength=classes).tolist(),
        "mean": mean.tolist(),
        "std": deviation.tolist(),
    }
    if split.texts:
        values["texts"] = list(split.texts[:EXAMPLES])
    if split.outliers is not None:
        values["outliers"] = int(split.outliers.sum())
    if split.sources is not None:
        values["source_shape"] = list(split.sources.shape[1:])
    if split.masks is not None:
        values["defective"] = int(split.masks.flatten(1).any(dim=1).sum())
    return values


def moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each channel of images N×C×H×W, float64 C each.

    Of uint8 images, whose sums are exact, on a scale from 0 to 1.
    """
    channels = images.shape[1]
    kind = torch.int64 if images.dtype == torch.uint8 else torch.float64
    sums, squares = (torch.zeros(channels, dtype=kind) for _ in range(2))
    for block in torch.split(images, BLOCK):
        values = block.to(kind)
        sums += values.sum(dim=(0, 2, 3))
        squares += values.square().sum(dim=(0, 2, 3))
    count = images.numel() // channels
    mean = sums.double() / count
    variance = squares.double() / count - mean.square()
    scale = 255 if images.dtype == torch.uint8 else 1
    return mean / scale, variance.clamp(min=0).sqrt() / scale
