"""`moving:SET`: videos of an image that moves at constant speed and bounces off the borders.

After the moving digits of Srivastava et al. 2015, arXiv:1502.04681, with one image in each video.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from harness.data.base import About, Split
from harness.data.generated import sprites
from harness.data.generated.draws import (
    COUNT_OPTIONS,
    LICENCE,
    Counts,
    counts,
    whole,
)
from harness.data.generated.normal import random_state
from harness.data.generated.raster import Integers
from harness.data.load import find_source
from harness.data.source import Maker, Source
from harness.spec.errors import BadInput
from harness.spec.reference import parse_reference

VERSION = 1
"""Raised with every change of a pixel."""

COUNTS = Counts(10_000, 2_000)
FASTEST = 3
"""Pixels from one frame to the next, in x and in y."""
TILE = 16
"""The side of a moving sprite."""
RADIUS = 14
"""Of a sprite in half pixels: no corner leaves the tile."""


def draw_paths(random: np.random.RandomState, count: int, frames: int, room: int) -> Integers:
    """Where the image is in each frame: count×frames×2 (x, y), from 0 to `room`.

    Start and velocity are random whole pixels; what stands still is given another velocity.
    """
    start = random.randint(0, room + 1, (count, 1, 2), dtype=np.int64)
    # All velocities but (0, 0), counted row by row.
    side = 2 * FASTEST + 1
    number = random.randint(0, side**2 - 1, count, dtype=np.int64)
    number += number >= side**2 // 2
    velocity = np.stack([number % side, number // side], axis=1)[:, None] - FASTEST
    # To bounce is to go on in a mirrored room.
    unfolded = (start + velocity * np.arange(frames)[:, None]) % (2 * room)
    paths: Integers = np.minimum(unfolded, 2 * room - unfolded)
    return paths


def move(tiles: NDArray[np.uint8], paths: Integers, size: int) -> NDArray[np.uint8]:
    """The videos N×(T·C)×size×size of tiles N×C×s×s at the places `paths` N×T×2, on black."""
    count, frames = paths.shape[:2]
    channels, side = tiles.shape[1:3]
    videos = np.zeros((count, frames, channels, size, size), dtype=np.uint8)
    for video, tile, path in zip(videos, tiles, paths.tolist(), strict=True):
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
    About(
        title="Shapes",
        licence=LICENCE,
        citation="after Matthey et al. 2017, dSprites",
        classes=sprites.SHAPES,
        extractor="inception",
        perceptual="lpips:alex",
    ),
    _sprites,
)


def _make(argument: str, options: Mapping[str, str]) -> Source:
    name = f"moving:{argument}"
    base = SPRITES if argument == "shapes" else find_source(parse_reference(argument))
    sizes = counts(name, options, COUNTS)
    frames = whole(name, options, "frames", 8, 2, 64)
    size = whole(name, options, "size", 32, 8, 256)

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
        chosen = torch.from_numpy(random.randint(0, len(tiles), count, dtype=np.int64))
        paths = draw_paths(random, count, frames, size - side)
        videos = move(tiles.images[chosen].numpy(), paths, size)
        return Split(torch.from_numpy(videos), tiles.labels[chosen])

    def load(root: Path) -> tuple[Split, Split]:
        train, test = base.load(root)
        return split(train, "train", sizes.train), split(test, "test", sizes.test)

    about = replace(
        base.about,
        title=f"{base.about.title}, moving",
        citation=f"{base.about.citation}; moving after Srivastava et al. 2015, arXiv:1502.04681",
        extractor="inception",
        perceptual="lpips:alex",
        frames=frames,
        factors=(),
        corners=0,
        symmetric=False,
    )
    return Source(about, load, base.classes)


MOVING = Maker(
    _make, ("frames", "size", *COUNT_OPTIONS), "SET", "videos of moving images, or of shapes"
)
