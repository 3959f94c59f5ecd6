"""Checks of the splits that a source returns, before anything is trained on them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from harness.data.base import DatasetCard, Split


def splits_fault(splits: object, card: DatasetCard, are_numbers: bool) -> str:
    """Return what is wrong with a train and a test split, in one line; "" where they can be used.

    Images are uint8, or float32 where they `are_numbers`, drawn from a known density.
    """
    if not isinstance(splits, tuple | list) or len(splits) != 2:
        return f"load gave {_kind(splits)}; a train and a test split are needed"
    for name, split in zip(("train", "test"), splits, strict=True):
        if not isinstance(split, Split):
            return f"the {name} split is {_kind(split)}; a Split of harness.data is needed"
        if wrong := _of_split(split, card, are_numbers):
            return f"the {name} split has {wrong}"
    train, test = (tuple(split.images.shape[1:]) for split in splits)
    if train != test:
        return f"images are {_text(train)} in the train split and {_text(test)} in the test split"
    return ""


def _of_split(split: Split, card: DatasetCard, are_numbers: bool) -> str:
    return (
        _of_images(split.images, card.frames, are_numbers)
        or _of_labels(split.labels, len(split.images), card)
        or _of_the_rest(split)
    )


def _of_images(images: Any, frames: int, are_numbers: bool) -> str:
    if not isinstance(images, Tensor):
        return f"{_kind(images)} as images; a tensor is needed (torch.from_numpy makes one)"
    if images.ndim != 4 or len(images) == 0:
        return f"images of shape {_text(images.shape)}; N×C×S×S is needed, N at least 1"
    dtype = torch.float32 if are_numbers else torch.uint8
    if images.dtype != dtype:
        scale = "" if are_numbers else ", 0 for black and 255 for white"
        return f"images of {_type(images)}; {str(dtype).removeprefix('torch.')} is needed{scale}"
    return _of_sizes(images, frames, are_numbers)


def _of_sizes(images: Tensor, frames: int, are_numbers: bool) -> str:
    channels, height, width = images.shape[1:]
    if not are_numbers and channels not in (frames, 3 * frames):
        last = width in (1, 3) and channels == height
        hint = "; these are N×H×W×C: images.permute(0, 3, 1, 2).contiguous()" if last else ""
        return f"images of {channels} channels; C of N×C×S×S is {frames} or {3 * frames}{hint}"
    if height != width:
        return f"images of {height}×{width} pixels; square ones are needed"
    if are_numbers and not bool(torch.isfinite(images).all()):
        return "numbers that are not finite"
    return ""


def _of_labels(labels: Any, count: int, card: DatasetCard) -> str:
    if not isinstance(labels, Tensor):
        return f"{_kind(labels)} as labels; a tensor is needed"
    if labels.dtype != torch.int64 or labels.ndim != 1:
        return f"labels of {_type(labels)} and shape {_text(labels.shape)}; int64 N is needed"
    if len(labels) != count:
        return f"{len(labels):,} labels for {count:,} images"
    low, high, classes = int(labels.min()), int(labels.max()), len(card.classes)
    if low < 0:
        return f"the label {low}; labels count from 0"
    if classes and high >= classes:
        return f"the label {high}, and card.classes has {classes} names, for 0 to {classes - 1}"
    return ""


def _of_the_rest(split: Split) -> str:
    """Return what is wrong with the other fields, which must have a value for every image."""
    count = len(split.images)
    for name in ("factors", "texts", "masks", "sources", "known"):
        values = getattr(split, name)
        if values is not None and len(values) != count:
            return f"{len(values):,} {name} for {count:,} images"
    sources = split.sources
    if sources is not None and (sources.dtype != split.images.dtype or sources.ndim != 4):
        return f"sources of {_type(sources)} and shape {_text(sources.shape)}; as images are needed"
    return ""


def _kind(value: object) -> str:
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _text(shape: Any) -> str:
    return "×".join(map(str, shape)) or "no dimension"
