"""`scenes`: one to four of the figures of `shapes` in an image, with prompts that ask for them.

After GenEval (Ghosh et al. 2023, arXiv:2310.11513): a sixth of the prompts for each of its six
tasks. A figure is upright, of one size, and in a cell of its own of 3×3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from harness.data.base import DatasetCard, Split
from harness.data.composition import (
    RELATIONS,
    SKILLS,
    ObjectRequest,
    Prompt,
    Skill,
    write_prompt,
)
from harness.data.generated import sprites
from harness.data.generated.normal import random_state
from harness.data.generated.options import COUNT_OPTIONS, LICENCE, Counts, counts
from harness.data.generated.raster import Integers
from harness.data.source import DatasetFactory, Source

VERSION = 1
"""Raised with every change of a pixel or of a prompt."""

COUNTS = Counts(12_000, 1_200)
SIZE = 32
RADIUS = 9
CENTRES = (12, 32, 52)
"""Of the columns and rows of cells, in the units of `sprites`."""
EDGES = (0, 11, 21, 32)
"""Of the cells, in pixels."""
MOST = 4
"""Figures in an image."""
COLOURS = tuple(sprites.COLOURS)


@dataclass(frozen=True)
class Figure:
    """The number of a figure's shape, of its colour, and of its cell (row by row from 0 to 8)."""

    shape: int
    colour: int
    cell: int


def draw_scene(random: np.random.RandomState, skill: Skill) -> tuple[Prompt, list[Figure]]:
    """A random prompt of this skill, and figures that show what it asks for and no more."""
    shapes = random.permutation(len(sprites.SHAPES))[:2]
    colours = random.permutation(len(COLOURS))[:2]
    cells = random.permutation(9)
    figures = [Figure(int(s), int(c), int(p)) for s, c, p in zip(shapes, colours, cells)]  # noqa: B905
    names = [sprites.SHAPES[figure.shape] for figure in figures]
    said = [COLOURS[figure.colour] for figure in figures]
    if skill == "counting":
        count = int(random.randint(2, MOST + 1))
        drawn = random.randint(0, len(COLOURS), count)
        several = [Figure(figures[0].shape, int(drawn[i]), int(cells[i])) for i in range(count)]
        return Prompt((ObjectRequest(names[0], count),)), several
    if skill == "positions":
        relation = int(random.randint(len(RELATIONS)))
        places = _related_cells(random, relation)
        placed = [Figure(f.shape, f.colour, p) for f, p in zip(figures, places, strict=True)]
        asked = tuple(ObjectRequest(name) for name in names)
        return Prompt(asked, RELATIONS[relation]), placed
    objects = 2 if skill in {"two_objects", "colour_binding"} else 1
    has_colours = skill in {"colours", "colour_binding"}
    asked = tuple(
        ObjectRequest(names[i], 1, said[i] if has_colours else "") for i in range(objects)
    )
    return Prompt(asked), figures[:objects]


def _related_cells(random: np.random.RandomState, relation: int) -> tuple[int, int]:
    """Two cells of one row or column; the first has the relation to the second."""
    line = int(random.randint(3))
    low, high = sorted(int(place) for place in random.permutation(3)[:2])
    first, second = (low, high) if relation in {0, 2} else (high, low)
    if relation < 2:
        return 3 * line + first, 3 * line + second
    return 3 * first + line, 3 * second + line


def render_figures(figures: list[Figure]) -> NDArray[np.uint8]:
    """Each figure alone on black: uint8 N×3×32×32."""
    rows = [(f.shape, 0, RADIUS, CENTRES[f.cell % 3], CENTRES[f.cell // 3]) for f in figures]
    masks = sprites.masks(np.array(rows, dtype=np.int64), SIZE)
    colours: Integers = np.array([figure.colour for figure in figures], dtype=np.int64)
    return sprites.coloured(masks, colours)


def draw_scenes(part: str, count: int) -> Split:
    """The images of a split, uint8 N×3×32×32, with their prompts; labels are the skills."""
    random = random_state("scenes", VERSION, part)
    labels = np.arange(count) % len(SKILLS)
    scenes = [draw_scene(random, SKILLS[label]) for label in labels]
    alone = render_figures([figure for _, figures in scenes for figure in figures])
    # Figures do not meet: an image is the greatest of them at each pixel.
    starts = np.cumsum([0, *(len(figures) for _, figures in scenes[:-1])])
    images: NDArray[np.uint8] = np.maximum.reduceat(alone, starts, axis=0)
    texts = tuple(write_prompt(prompt) for prompt, _ in scenes)
    return Split(torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64)), texts=texts)


def _make(_: str, options: Mapping[str, str]) -> Source:
    sizes = counts("scenes", options, COUNTS)

    def load(_root: Path) -> tuple[Split, Split]:
        return draw_scenes("train", sizes.train), draw_scenes("test", sizes.test)

    card = DatasetCard(
        title="Scenes of several figures, with prompts",
        licence=LICENCE,
        citation="after Ghosh et al. 2023, GenEval, arXiv:2310.11513",
        classes=SKILLS,
    )
    return Source(card, load, shapes=sizes.shapes(3, SIZE))


SCENES = DatasetFactory(_make, COUNT_OPTIONS)
