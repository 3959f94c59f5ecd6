"""`symmetric`: patterns whose right half is the mirror image of the left one.

A model that gets every neighbourhood right and no image as a whole is found out by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from harness.data.base import DatasetCard, Split
from harness.data.generated.normal import random_state
from harness.data.generated.options import COUNT_OPTIONS, LICENCE, Counts, counts
from harness.data.generated.raster import Integers
from harness.data.source import DatasetFactory, Source

VERSION = 1
"""Raised with every change of a pixel."""

SIZE = 32
COUNTS = Counts(10_000, 2_000)
OCTAVES = ((8, 2), (4, 1))
"""Pixels between random values, and the weight of what is interpolated between them."""


def draw_patterns(random: np.random.RandomState, count: int) -> NDArray[np.uint8]:
    """Patterns count×32×32, the right half of each the mirror image of the left one."""
    shapes = [(SIZE // step + 1, SIZE // 2 // step + 1) for step, _ in OCTAVES]
    ends = np.cumsum([rows * columns for rows, columns in shapes])
    values = np.split(random.randint(0, 256, (count, ends[-1]), dtype=np.int64), ends[:-1], axis=1)
    total = sum(
        weight * _smooth(drawn.reshape(count, *shape), step)
        for drawn, shape, (step, weight) in zip(values, shapes, OCTAVES, strict=True)
    )
    grey = np.asarray(total) // sum(weight for _, weight in OCTAVES)
    # Sums of random values crowd about the middle: twice the contrast.
    left = np.clip(2 * grey - 127, 0, 255).astype(np.uint8)
    return np.concatenate([left, left[:, :, ::-1]], axis=2)


def _smooth(values: Integers, step: int) -> Integers:
    """Values for every pixel from those for every `step`th, bilinearly and rounded down."""
    down = _between(values, step)
    return _between(down.transpose(0, 2, 1), step).transpose(0, 2, 1) // step**2


def _between(values: Integers, step: int) -> Integers:
    """The second axis `step` times as dense, and its values as many times as large."""
    part = np.arange(step)[:, None]
    dense = values[:, :-1, None] * (step - part) + values[:, 1:, None] * part
    return dense.reshape(len(values), -1, values.shape[2])


def _make(_: str, options: Mapping[str, str]) -> Source:
    sizes = counts("symmetric", options, COUNTS)

    def split(part: str, count: int) -> Split:
        images = draw_patterns(random_state("symmetric", VERSION, part), count)
        return Split(torch.from_numpy(images)[:, None], torch.zeros(count, dtype=torch.int64))

    def load(_root: Path) -> tuple[Split, Split]:
        return split("train", sizes.train), split("test", sizes.test)

    card = DatasetCard(
        title="Mirrored patterns",
        licence=LICENCE,
        citation="this package",
        classes=("pattern",),
        symmetric=True,
    )
    return Source(card, load, shapes=sizes.shapes(1, SIZE))


SYMMETRIC = DatasetFactory(_make, COUNT_OPTIONS)
