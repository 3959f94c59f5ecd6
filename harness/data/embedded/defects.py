"""Defects drawn into patches of texture, in whole numbers, so that all machines draw the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.random import RandomState
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Values = NDArray[np.int64]
Mask = NDArray[np.bool_]

BLUR_PLACES = 8
"""How many places are tried for a blur, which hardly shows on smooth brick: the one that changes
most is taken."""


def add_defect(
    kind: str, patch: Pixels, foreign: Pixels, random: RandomState
) -> tuple[Pixels, Mask]:
    """The patch with a defect of one of `KINDS`, uint8 S×S, and the pixels it covers, bool S×S.

    `foreign` is a patch of another texture. Pixels outside of the mask are those of the patch.
    """
    place, look = _DEFECTS[kind]
    values = patch.astype(np.int64)
    defective = look(values, foreign, random)
    places = BLUR_PLACES if kind == "blur" else 1
    masks = [place(len(patch), random) for _ in range(places)]
    mask = max(masks, key=lambda mask: int(np.abs(defective - values)[mask].sum()))
    return np.where(mask, defective, values).astype(np.uint8), mask


def random_integer(random: RandomState, low: int, high: int) -> int:
    """A whole number from `low` to below `high`; NumPy's default type differs among systems."""
    return int(random.randint(low, high, dtype=np.int64))


def _ellipse(size: int, random: RandomState) -> Mask:
    """Half axes from a tenth to a fifth of the patch; the centre is inside."""
    across, down = (random_integer(random, size // 10, size // 5 + 1) for _ in range(2))
    x, y = (random_integer(random, 0, size) for _ in range(2))
    columns, rows = np.arange(size) - x, np.arange(size)[:, None] - y
    mask: Mask = (columns * down) ** 2 + (rows * across) ** 2 <= (across * down) ** 2
    return mask


def _line(size: int, random: RandomState) -> Mask:
    """From one side towards the opposite one, over at least half of the patch."""
    width = random_integer(random, 1, size // 16 + 1)
    start, end = (random_integer(random, 0, size) for _ in range(2))
    length = random_integer(random, size // 2, size + 1)
    first = random_integer(random, 0, size - length + 1)
    rows = np.arange(size)[:, None]
    distance = np.abs((np.arange(size) - start) * (size - 1) - (end - start) * rows)
    mask: Mask = (2 * distance <= width * (size - 1)) & (rows >= first) & (rows < first + length)
    return mask.T if random_integer(random, 0, 2) else mask


def _rectangle(size: int, random: RandomState) -> Mask:
    """Sides from a fifth to a third of the patch, wholly inside."""
    height, width = (random_integer(random, size // 5, size // 3 + 1) for _ in range(2))
    top, left = (
        random_integer(random, 0, size - height + 1),
        random_integer(random, 0, size - width + 1),
    )
    mask = np.zeros((size, size), np.bool_)
    mask[top : top + height, left : left + width] = True
    return mask


def _stained(values: Values, _: Pixels, random: RandomState) -> Values:
    """Half white, or half black."""
    return (values + 255 * random_integer(random, 0, 2)) // 2


def _scraped(values: Values, _: Pixels, random: RandomState) -> Values:
    """Three quarters white, or black."""
    return (values + 3 * 255 * random_integer(random, 0, 2)) // 4


def _blurred(values: Values, _: Pixels, __: RandomState) -> Values:
    """The mean of a square window of a quarter of the patch, which repeats its border."""
    reach = len(values) // 8
    window = 2 * reach + 1
    padded = np.pad(values, reach, mode="edge")
    sums = sliding_window_view(padded, (window, window)).sum(axis=(2, 3))
    means: Values = (2 * sums + window**2) // (2 * window**2)
    return means


def _replaced(_: Values, foreign: Pixels, __: RandomState) -> Values:
    return foreign.astype(np.int64)


_DEFECTS: Mapping[
    str,
    tuple[Callable[[int, RandomState], Mask], Callable[[Values, Pixels, RandomState], Values]],
] = {
    "spot": (_ellipse, _stained),
    "scratch": (_line, _scraped),
    "blur": (_rectangle, _blurred),
    "foreign": (_rectangle, _replaced),
}

KINDS = tuple(_DEFECTS)
