"""Polygons as images, in whole numbers only: no machine can round them differently."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SUBPIXELS = 8
"""A pixel is sampled at the centres of 8×8 equal squares."""

LEVELS = SUBPIXELS**2
"""The coverage of a pixel that is wholly inside."""

Integers = NDArray[np.int64]


def circle(steps: int, radius: int) -> Integers:
    """The points of a circle at `steps` equal angles from (radius, 0): steps×2, rounded.

    Cosines differ between machines in their last bits, some 1e-16. No coordinate is nearer to the
    middle between two whole numbers than 1e-6 at the steps and radii that are used (their tests
    make sure), so all machines round alike.
    """
    angles = np.arange(steps) * (2 * np.pi / steps)
    points = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rounded: Integers = np.rint(points).astype(np.int64)
    return rounded


def coverage(outlines: Integers, unit: int, size: int) -> NDArray[np.uint8]:
    """How much of each pixel is inside: N×size×size, from 0 to LEVELS.

    `outlines` N×V×2 are the corners (x, y) of polygons in order, none of which crosses itself; y
    grows downwards and (0, 0) is the image's upper left corner. `unit` of the coordinates are a
    pixel, a multiple of 16, so that the centres of subpixels have whole coordinates.
    """
    half = unit // (2 * SUBPIXELS)
    if unit != 2 * SUBPIXELS * half:
        raise ValueError(f"unit {unit} is no multiple of {2 * SUBPIXELS}")
    side = SUBPIXELS * size
    image, row, first, sign = _crossings(outlines, half, side)
    pixel, within = np.divmod(np.clip(first, 0, side), SUBPIXELS)
    # A row of pixels as the steps from one to the next: right of a crossing all subpixels are
    # inside, or no longer; in its own pixel it is those that are not left of it.
    steps = np.zeros((len(outlines), size, size + 2))
    place = np.ravel_multi_index((image, row // SUBPIXELS, pixel), steps.shape)
    for where, count in ((place, SUBPIXELS - within), (place + 1, within)):
        steps += np.bincount(where, sign * count, steps.size).reshape(steps.shape)
    pixels = steps.cumsum(axis=2)[:, :, :size]
    # Clockwise or not, whatever is inside is so once.
    inside: NDArray[np.uint8] = np.abs(pixels).astype(np.uint8)
    return inside


def _crossings(outlines: Integers, half: int, rows: int) -> tuple[Integers, ...]:
    """Where edges cross the rows of subpixels' centres: image, row, the first subpixel whose centre
    is not left of the edge, and 1 for an edge that goes down or −1 for one that goes up.

    An edge takes its upper end and leaves its lower one to its neighbour.
    """
    ends = np.stack([outlines, np.roll(outlines, -1, axis=1)])
    goes_down = ends[1, ..., 1] > ends[0, ..., 1]
    top, bottom = (np.where(goes_down[..., None], ends[i], ends[1 - i]) for i in (0, 1))
    middles = half * (2 * np.arange(rows) + 1)
    is_hit = (top[..., 1:] <= middles) & (middles < bottom[..., 1:])
    image, edge, row = is_hit.nonzero()
    x, y = top[image, edge].T
    dx, dy = (bottom - top)[image, edge].T
    # The centre of subpixel s is at half·(2s + 1): the least s at or right of the crossing.
    first = -((-(x - half) * dy - (middles[row] - y) * dx) // (2 * half * dy))
    return image, row, first, np.where(goes_down[image, edge], 1, -1)
