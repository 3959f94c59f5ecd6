"""`polygons`: dark convex polygons on white, whose manifold is known.

After Lucic et al. 2018, arXiv:1711.10337, who measure precision and recall against such a manifold.
What a polygon is, their published notebook says (google/compare_gan, Convex_Polygons_Dataset): its
corners lie on a circle of 3/4 of the image's side, one in each of as many equal sectors, seen from
the centre at least 20° apart; the mean of the corners is moved to the middle of an image of 28×28
pixels, each of which is sampled 8×8 times; 60,000 of them are to train on and 10,000 to test.

Two things differ. Angles are whole tenths of a degree, so that every machine draws the same. And
polygons are turned by any angle, where the notebook turns by 6.3° at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.base import DatasetCard, Split
from harness.data.block_set import BlockSet, ImageBlock
from harness.data.generated.normal import random_state
from harness.data.generated.options import COUNT_OPTIONS, LICENCE, Counts, counts, integer_option
from harness.data.generated.raster import LEVELS, Integers, circle, coverage
from harness.data.source import DatasetFactory, Source

VERSION = 1
"""Raised with every change of a pixel."""

SIZE = 28
TURN = 3600
"""Angles are counted in tenths of a degree."""
APART = 200
"""The least angle between neighbouring corners."""
SCALE = 2**12
"""Units a pixel in which the circle is rounded to whole numbers."""
RADIUS = SCALE * SIZE * 3 // 8

NAMES = {3: "triangle", 4: "quadrilateral", 5: "pentagon", 6: "hexagon"}
COUNTS = Counts(60_000, 10_000)
_CHUNK = 200


def draw_angles(random: np.random.RandomState, count: int, corners: int) -> Integers:
    """The angles of the corners of random polygons, count×corners, from 0 to 2·TURN."""
    sector = TURN // corners
    ends = [TURN] + [sector - APART + 1] * corners
    drawn = random.randint(0, ends, (count, corners + 1), dtype=np.int64)
    return drawn[:, :1] + sector * np.arange(corners) + drawn[:, 1:]


def are_polygons(angles: Integers) -> NDArray[np.bool_]:
    """Whether each row of angles N×V, of any size, is one that `draw_angles` may give: whether the
    sectors can be turned so that each has its corner.
    """
    sector = TURN // angles.shape[1]
    leads = angles - sector * np.arange(angles.shape[1])
    spread: NDArray[np.bool_] = np.ptp(leads, axis=1) <= sector - APART
    return spread


def render_polygons(angles: Integers) -> NDArray[np.uint8]:
    """The images N×28×28 of polygons with corners at these angles N×V, of any size."""
    corners = _circle()[angles % TURN]
    # As many times larger as there are corners, so that their mean has whole coordinates.
    unit = angles.shape[1] * SCALE
    centred = angles.shape[1] * corners - corners.sum(axis=1, keepdims=True) + unit * SIZE // 2
    return _GREY[coverage(centred, unit, SIZE)]


_GREY = np.rint(255 * (LEVELS - np.arange(LEVELS + 1)) / LEVELS).astype(np.uint8)
"""The polygon is black and the rest white, as in the notebook."""


@cache
def _circle() -> Integers:
    return circle(TURN, RADIUS)


def _make(_: str, options: Mapping[str, str]) -> Source:
    corners = integer_option("polygons", options, "vertices", 3, min(NAMES), max(NAMES))
    sizes = counts("polygons", options, COUNTS)

    def blocks(part: str) -> Iterator[ImageBlock]:
        random = random_state(f"polygons-{corners}", VERSION, part)
        angles = draw_angles(random, getattr(sizes, part), corners)
        for start in range(0, len(angles), _CHUNK):
            images = render_polygons(angles[start : start + _CHUNK])[:, None]
            yield ImageBlock(images, np.zeros(len(images), np.int64))

    def load(root: Path) -> tuple[Split, Split]:
        key = {"version": VERSION, "vertices": corners}
        stored = BlockSet("polygons", "polygons", key, sizes._asdict(), (1, SIZE, SIZE))
        return stored.load(root, blocks)

    card = DatasetCard(
        title=f"Convex polygons: {NAMES[corners]}s",
        licence=LICENCE,
        citation="after Lucic et al. 2018, arXiv:1711.10337",
        classes=(NAMES[corners],),
        extractor="inception",
        perceptual="lpips:squeeze",
        corners=corners,
    )
    return Source(card, load, stored="polygons", shapes=sizes.shapes(1, SIZE))


POLYGONS = DatasetFactory(_make, ("vertices", *COUNT_OPTIONS))
