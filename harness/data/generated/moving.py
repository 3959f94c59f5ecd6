"""`moving:SET`: videos of an image that moves at constant speed and bounces off the borders.

After the moving digits of Srivastava et al. 2015, arXiv:1502.04681, with one image in each video.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from harness.core.errors import BadInput, suggest
from harness.data.base import DatasetCard, Split
from harness.data.generated import sprites
from harness.data.generated.normal import random_state
from harness.data.generated.options import COUNT_OPTIONS, LICENCE, Counts, counts, integer_option
from harness.data.generated.raster import Integers
from harness.data.load import inner_source
from harness.data.source import DatasetFactory, Source

VERSION = 1
"""Raised with every change of a pixel."""

COUNTS = Counts(10_000, 2_000)
OPTIONS = ("frames", "size", *COUNT_OPTIONS)
FASTEST = 3
"""Pixels from one frame to the next, in x and in y."""
TILE = 16
"""The side of a moving sprite."""
RADIUS = 14
"""Of a sprite in half pixels: no corner leaves the tile."""


VELOCITIES = np.array(
    [pair for pair in product(range(-FASTEST, FASTEST + 1), repeat=2) if pair != (0, 0)]
)
"""All that an image may move by from one frame to the next, (x, y)."""


def paths(start: Integers, velocity: Integers, frames: int, room: int) -> Integers:
    """Where images are in each frame, N×frames×2 (x, y) from 0 to `room`, that start at N×2 and
    move by N×2 a frame. To bounce is to go on in a mirrored room.
    """
    unfolded = (start[:, None] + velocity[:, None] * np.arange(frames)[:, None]) % (2 * room)
    places: Integers = np.minimum(unfolded, 2 * room - unfolded)
    return places


def move(tiles: NDArray[np.uint8], places: Integers, size: int) -> NDArray[np.uint8]:
    """The videos N×(T·C)×size×size of tiles N×C×s×s at these places N×T×2, on black."""
    count, frames = places.shape[:2]
    channels, side = tiles.shape[1:3]
    videos = np.zeros((count, frames, channels, size, size), dtype=np.uint8)
    for video, tile, path in zip(videos, tiles, places.tolist(), strict=True):
        for frame, (x, y) in zip(video, path, strict=True):
            frame[:, y : y + side, x : x + side] = tile
    return videos.reshape(count, frames * channels, size, size)


def _sprites(_root: Path) -> tuple[Split, Split]:
    """A tile of every shape, rotation and colour, on both sides."""
    values = (len(sprites.SHAPES), len(sprites.ROTATIONS), len(sprites.COLOURS))
    shape, rotation, colour = np.indices(values).reshape(len(values), -1)
    middle = np.full_like(shape, TILE)
    figures = np.stack([shape, rotation, np.full_like(shape, RADIUS), middle, middle], axis=1)
    masks = sprites.masks(figures, TILE, canvas=2 * TILE)
    tiles = torch.from_numpy(sprites.coloured(masks, colour))
    split = Split(tiles, torch.from_numpy(shape.copy()))
    return split, split


SPRITES = Source(
    DatasetCard(
        title="Shapes",
        licence=LICENCE,
        citation="after Matthey et al. 2017, dSprites",
        classes=sprites.SHAPES,
    ),
    _sprites,
)


def _make(argument: str, options: Mapping[str, str]) -> Source:
    name = f"moving:{argument}"
    base = _base(argument, options)
    sizes = counts(name, options, COUNTS)
    frames = integer_option(name, options, "frames", 8, 2, 64)
    size = integer_option(name, options, "size", 32, 8, 256)

    def split(tiles: Split, part: str, count: int) -> Split:
        side = tiles.images.shape[-1]
        if tiles.images.dtype != torch.uint8 or tiles.images.shape[1] not in (1, 3):
            raise BadInput(f"{name}: only grey and RGB images can be moved; {argument} has others")
        if side >= size:
            raise BadInput(
                f"{name}: images of {side}×{side} have no room to move in {size}×{size}; "
                f"{name}[size={max(32, 2 * side)}] has"
            )
        random = random_state(f"moving-{tiles.digest()}", VERSION, part)
        room = size - side
        ends = [len(tiles), room + 1, room + 1, len(VELOCITIES)]
        drawn = random.randint(0, ends, (count, len(ends)), dtype=np.int64)
        places = paths(drawn[:, 1:3], VELOCITIES[drawn[:, 3]], frames, room)
        indices = torch.from_numpy(drawn[:, 0].copy())
        videos = move(tiles.images[indices].numpy(), places, size)
        return Split(torch.from_numpy(videos), tiles.labels[indices])

    def load(root: Path) -> tuple[Split, Split]:
        train, test = base.load(root)
        return split(train, "train", sizes.train), split(test, "test", sizes.test)

    card = replace(
        base.card,
        title=f"{base.card.title}, moving",
        citation=f"{base.card.citation}; moving after Srivastava et al. 2015, arXiv:1502.04681",
        frames=frames,
        factors=(),
        corners=0,
        symmetric=False,
    )
    return Source(card, load, base.classes)


def _base(argument: str, options: Mapping[str, str]) -> Source:
    if argument != "shapes":
        return inner_source(argument, options, OPTIONS)
    for option in options:
        if option not in OPTIONS:
            raise BadInput(f"moving:shapes: unknown option {option!r}{suggest(option, OPTIONS)}")
    return SPRITES


MOVING = DatasetFactory(
    _make, OPTIONS, "SET", "videos of moving images, or of shapes", passes_on=True
)
