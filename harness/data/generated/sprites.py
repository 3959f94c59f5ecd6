"""Simple figures of every kind, size, turn, place and colour, drawn in whole numbers only.

Positions and radii are counted in halves of the pixels of a canvas of 32×32; on one of 64×64 they
are as many whole pixels.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from harness.data.generated.raster import LEVELS, Integers, circle, coverage

SHAPES = ("square", "ellipse", "triangle", "heart")
RADII = (8, 10, 13, 16)
SCALES = ("tiny", "small", "medium", "large")
ROTATIONS = (0, 15, 30, 45, 60, 75)
"""Degrees, clockwise. A square looks the same after 90, so none of these look alike."""
PLACES = (18, 25, 32, 39, 46)
"""Of the centre, from the left and from the top: no figure reaches the border."""
COLUMNS = ("on the far left", "on the left", "in the centre", "on the right", "on the far right")
ROWS = ("at the top", "above the middle", "in the middle", "below the middle", "at the bottom")
COLOURS = {
    "red": (230, 50, 50),
    "orange": (245, 145, 35),
    "yellow": (250, 220, 70),
    "green": (60, 180, 75),
    "blue": (60, 110, 245),
    "purple": (165, 75, 215),
}

FACTORS = ("shape", "scale", "rotation", "x", "y", "colour")
VALUES = (len(SHAPES), len(SCALES), len(ROTATIONS), len(PLACES), len(PLACES), len(COLOURS))
"""How many values each factor has."""

CANVAS = 64
"""The side of the canvas in the units of positions and radii."""
_ONE = 2**10
"""What stands for 1 in outlines and in sines."""


def masks(figures: Integers, size: int, canvas: int = CANVAS) -> NDArray[np.uint8]:
    """How far figures cover each pixel, N×size×size from 0 to 255.

    `figures` N×5 has of each the number of its shape and of its rotation, its radius and the place
    (x, y) of its centre, in units of which the canvas has so many.
    """
    shape, rotation, radius, x, y = figures.T
    turned = np.stack([_turned(name) for name in SHAPES])[shape, rotation]
    corners = turned * radius[:, None, None] + np.stack([x, y], axis=1)[:, None] * _ONE**2
    greys: NDArray[np.uint8] = np.rint(255 * np.arange(LEVELS + 1) / LEVELS).astype(np.uint8)
    return greys[coverage(corners * size, canvas * _ONE**2, size)]


def coloured(levels: NDArray[np.uint8], colour: Integers) -> NDArray[np.uint8]:
    """Masks N×S×S in the colours of these numbers, on black: N×3×S×S."""
    shades = np.array(list(COLOURS.values()), dtype=np.int64)[colour]
    light = levels[:, None].astype(np.int64) * shades[:, :, None, None]
    images: NDArray[np.uint8] = ((light + 127) // 255).astype(np.uint8)
    return images


def edges(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The outlines of masks N×S×S: each pixel less the least of itself and its four neighbours."""
    padded = np.pad(levels, ((0, 0), (1, 1), (1, 1)))
    across, down = padded[:, 1:-1], padded[:, :, 1:-1]
    least = np.minimum.reduce(
        [levels, across[:, :, 2:], across[:, :, :-2], down[:, 2:], down[:, :-2]]
    )
    outlines: NDArray[np.uint8] = levels - least
    return outlines


def describe_sprite(factors: Integers) -> str:
    """What an image with these factors shows; every factor can be read off it.

    >>> sentence(np.array([0, 1, 2, 0, 0, 0]))
    'a small red square, turned by 30 degrees, at the top, on the far left'
    """
    shape, scale, rotation, x, y, colour = (int(value) for value in factors)
    turn = f"turned by {ROTATIONS[rotation]} degrees" if rotation else "upright"
    figure = f"a {SCALES[scale]} {list(COLOURS)[colour]} {SHAPES[shape]}"
    return ", ".join([figure, turn, ROWS[y], COLUMNS[x]])


@cache
def _turned(shape: str) -> Integers:
    """The outline of a shape under each rotation, in units of 1 / `_ONE`² of the radius."""
    points = sprite_outline(shape)
    turns = circle(360 // ROTATIONS[1], _ONE)[: len(ROTATIONS), :, None]
    cos, sin = turns[:, 0], turns[:, 1]
    x, y = points.T[:, None]
    return np.stack([x * cos - y * sin, x * sin + y * cos], axis=2)


def sprite_outline(shape: str) -> Integers:
    """The corners of a shape, 48×2, upright within a circle of radius about `_ONE`; y grows
    downwards. Shapes of fewer corners repeat the last.
    """
    if shape == "heart":
        points: Integers = np.rint(heart()).astype(np.int64)
        return points
    if shape == "ellipse":
        flat: Integers = circle(48, _ONE) * np.array([16, 9]) // 16
        return flat
    corners = {
        "square": [(-800, -800), (800, -800), (800, 800), (-800, 800)],
        "triangle": [(0, -1000), (866, 700), (-866, 700)],
    }[shape]
    return np.array(corners + corners[-1:] * (48 - len(corners)), dtype=np.int64)


def heart() -> NDArray[np.float64]:
    """The heart curve before it is rounded, as `circle` does and says."""
    t = np.arange(48) * (2 * np.pi / 48)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([x, -2 - y], axis=1) * (_ONE / 17)
