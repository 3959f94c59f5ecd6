"""How a GAN's samples of fixed codes change while it trains."""

from __future__ import annotations

import io

import torch
from PIL import Image

from harness.evaluation.evidence import Evidence
from harness.evaluation.pictures.declaration import not_still_images, picture
from harness.evaluation.pictures.sheets import grid_png, grid_tiles
from harness.evaluation.requirements import Candidate
from harness.evaluation.training_curves import TRAINING_STRIP
from harness.training.drift import has_drift

MILLISECONDS = 700
LARGEST = 40_000
"""Bytes of an animated picture; larger ones are left out."""


def _follows_nothing(candidate: Candidate) -> str | None:
    if has_drift(candidate.family):
        return not_still_images(candidate)
    return f"{candidate.model} is no GAN that makes images from codes alone"


@picture(
    "training-strip",
    "Samples of the same codes over training",
    caption="Each column is one code, each row a moment of training, from its beginning to its "
    "end. Where rows still change at the bottom, the model is still learning, or goes round in "
    "circles; where a row is all alike, it makes one image for every code.",
    alt="Samples of the same codes, in each row later in training,",
    unavailable=_follows_nothing,
)
def draw_training_strip(e: Evidence) -> bytes:
    """The samples as training kept them; nothing where it did not."""
    png: bytes = e.at_hand(TRAINING_STRIP) or b""
    return png


@picture(
    "training-animation",
    "The same codes over training, animated",
    caption="The rows of the picture before, one after the other.",
    alt="Samples of the same codes, moving through training,",
    unavailable=_follows_nothing,
)
def draw_training_animation(e: Evidence) -> bytes:
    """An animated PNG of these samples; nothing where it would be large."""
    png = draw_training_strip(e)
    if not png:
        return b""
    size = e["reference_images"].shape[-1]
    with Image.open(io.BytesIO(png)) as sheet:
        columns = (sheet.width - 1) // (size + 1)
    first, *others = (
        Image.open(io.BytesIO(grid_png(row, 4)))
        for row in torch.split(grid_tiles(png, size), columns)
    )  # fmt: skip
    buffer = io.BytesIO()
    first.save(buffer, "PNG", save_all=True, append_images=others, duration=MILLISECONDS, loop=0)
    animated = buffer.getvalue()
    return animated if len(animated) <= LARGEST else b""
