"""`rendering:scenes`: the figures of an image of `scenes`, by an exact rule."""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import cache
from itertools import product

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.core.keys import digest
from harness.data.generated import scenes, sprites
from harness.extractors.base import DetectedObject, ObjectDetector
from harness.extractors.source import ExtractorSource

RENDERING = "rendering:scenes"
VERSION = 1
"""Raised with every change of the rule."""
KINDS = tuple(product(range(len(sprites.SHAPES)), range(len(scenes.COLOURS))))
"""The numbers of shape and colour of every figure that a cell may show."""


class SceneRendering(ObjectDetector):
    """Reads the figures of the nearest, by all pixels, of the images that the dataset can have.
    Since each figure keeps to its cell, that is in each cell the nearest of nothing and every
    figure in every colour. It is no network, and right on every image of the dataset.
    """

    preprocessing = "native"
    names = sprites.SHAPES

    def __init__(self, name: str, device: str) -> None:
        self.name = name
        self.digest = digest([RENDERING, VERSION, scenes.VERSION])[:8]

    def check(self, channels: int, size: int) -> None:
        """Only images like the dataset's."""
        check_scene(self.name, channels, size)

    def detect(
        self, images: Tensor, coloured: Sequence[Set[str]] | None = None
    ) -> list[list[DetectedObject]]:
        """The figures of uint8 images N×3×32×32, all with their colours and the score 1."""
        self.check_shape(*images.shape[1:])
        kinds = torch.stack([_nearest(images, cell) for cell in range(9)], dim=1)
        return [
            [_figure(cell, kind) for cell, kind in enumerate(row) if kind < len(KINDS)]
            for row in kinds.tolist()
        ]


def check_scene(name: str, channels: int, size: int) -> None:
    """Raise BadInput where images are not 3×32×32."""
    if (channels, size) != (3, scenes.SIZE):
        raise BadInput(f"{name} takes images of 3×32×32, not {channels}×{size}×{size}")


def _bounds(cell: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a cell, in pixels."""
    row, column = divmod(cell, 3)
    edges = scenes.EDGES
    return edges[column], edges[row], edges[column + 1], edges[row + 1]


@cache
def _choices(cell: int) -> Tensor:
    """What a cell may show: every figure in every colour, then nothing; float32 25×(3·h·w)."""
    figures = [scenes.Figure(shape, colour, cell) for shape, colour in KINDS]
    drawn = _cut(torch.from_numpy(scenes.render_figures(figures)), cell)
    return torch.cat([drawn, torch.zeros_like(drawn[:1])])


def _cut(images: Tensor, cell: int) -> Tensor:
    left, top, right, bottom = _bounds(cell)
    return images[:, :, top:bottom, left:right].flatten(1).float()


def _nearest(images: Tensor, cell: int) -> Tensor:
    """The number of the nearest choice for a cell of each image, int64 N."""
    choices = _choices(cell)
    distances = choices.square().sum(dim=1) - 2 * _cut(images, cell) @ choices.T
    return distances.argmin(dim=1)


def _figure(cell: int, kind: int) -> DetectedObject:
    shape, colour = KINDS[kind]
    left, top, right, bottom = _bounds(cell)
    box = (float(left), float(top), float(right), float(bottom))
    return DetectedObject(sprites.SHAPES[shape], box, 1.0, scenes.COLOURS[colour])


SOURCE: ExtractorSource[ObjectDetector] = ExtractorSource(
    lambda name: None, SceneRendering, check_scene
)
