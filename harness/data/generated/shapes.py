"""`shapes`: figures that differ in six independent factors, with their names, sentences, outlines.

Made like dSprites (Matthey et al. 2017), with colour, and with words for every value. There are
14,400 combinations, each one image; train and test are different ones of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from harness.core.errors import BadInput
from harness.data.base import DatasetCard, Split
from harness.data.generated import sprites
from harness.data.generated.normal import random_state
from harness.data.generated.options import COUNT_OPTIONS, LICENCE, Counts, counts
from harness.data.generated.raster import Integers
from harness.data.source import DatasetFactory, Source

VERSION = 1
"""Raised with every change of a pixel."""

COUNTS = Counts(10_000, 2_000)
COMBINATIONS = int(np.prod(sprites.VALUES))
SIZES = ("32", "64")


def draw_shapes(factors: Integers, size: int, *, outlines: bool = False) -> Split:
    """The images of these factors N×6: uint8 N×3×size×size, with labels, factors and sentences, and
    where `outlines` are asked for, these in the same colours as sources.
    """
    shape, scale, rotation, x, y, colour = factors.T
    kinds = np.ravel_multi_index((shape, scale, rotation, x, y), sprites.VALUES[:-1])
    distinct, at = np.unique(kinds, return_inverse=True)
    shape_, scale_, rotation_, x_, y_ = np.unravel_index(distinct, sprites.VALUES[:-1])
    radii, places = np.array(sprites.RADII), np.array(sprites.PLACES)
    figures = np.stack([shape_, rotation_, radii[scale_], places[x_], places[y_]], axis=1)
    parts = np.array_split(figures, -(-len(figures) // 200))
    masks = np.concatenate([sprites.masks(part, size) for part in parts])
    sources = sprites.coloured(sprites.edges(masks)[at], colour) if outlines else None
    return Split(
        torch.from_numpy(sprites.coloured(masks[at], colour)),
        torch.from_numpy(shape.copy()),
        factors=torch.from_numpy(factors),
        texts=tuple(sprites.describe_sprite(row) for row in factors),
        sources=None if sources is None else torch.from_numpy(sources),
    )


def draw_factors(sizes: Counts) -> tuple[Integers, Integers]:
    """The factors of train and test images, N×6, all different. Fewer are a part of more."""
    order = random_state("shapes", VERSION, "order").permutation(COMBINATIONS)
    parts = order[: sizes.train], order[::-1][: sizes.test]
    train, test = (np.stack(np.unravel_index(part, sprites.VALUES), axis=1) for part in parts)
    return train.astype(np.int64), test.astype(np.int64)


def _make(_: str, options: Mapping[str, str]) -> Source:
    size, sources = options.get("size", SIZES[0]), options.get("sources", "")
    if size not in SIZES:
        raise BadInput(f"shapes: size={size}; right are {' and '.join(SIZES)}")
    if sources not in ("", "outlines"):
        raise BadInput(f"shapes: sources={sources}; right is outlines")
    sizes = counts("shapes", options, COUNTS)
    if sum(sizes) > COMBINATIONS:
        raise BadInput(
            f"shapes: {sum(sizes):,} images of {COMBINATIONS:,} different ones asked for"
        )

    def load(_root: Path) -> tuple[Split, Split]:
        train, test = (
            draw_shapes(factors, int(size), outlines=bool(sources))
            for factors in draw_factors(sizes)
        )
        return train, test

    card = DatasetCard(
        title="Shapes of six factors" + (", from their outlines" if sources else ""),
        licence=LICENCE,
        citation="after Matthey et al. 2017, dSprites",
        classes=sprites.SHAPES,
        factors=sprites.FACTORS,
        text_image="dual-encoder:shapes" if size == SIZES[0] else "clip",
        factor_reader="rendering:shapes",
    )
    return Source(card, load, shapes=sizes.shapes(3, int(size)))


SHAPES = DatasetFactory(_make, ("size", "sources", *COUNT_OPTIONS))
