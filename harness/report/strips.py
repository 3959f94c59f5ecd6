"""Strips of pictures: the first images of each model in a row, below the real ones."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from harness.core.measurement import TRAINING_IMAGES
from harness.evaluation.pictures import PICTURES
from harness.evaluation.pictures.sheets import png_bytes
from harness.report.results import ReportPicture

COLUMNS = 8
"""Images in a row of a grid; videos have a row for each, of its frames."""
KINDS = ("samples", "reconstructions")
"""The kinds of pictures of what a model makes."""
BLOCKS = 4
"""In a grid of reconstructions: rows of test images, each with those that belong to them below."""


@dataclass(frozen=True)
class Strip:
    """Rows of images, each a label and the bytes of a PNG; the first is of real images where the
    report has any.
    """

    dataset: str
    title: str
    rows: tuple[tuple[str, bytes], ...]
    seed: int


def strips(pictures: Sequence[ReportPicture], models: Sequence[str]) -> list[Strip]:
    """Of each dataset its samples and its reconstructions, of the first seed that most models have.
    Points in the plane have no rows of images.
    """
    datasets = dict.fromkeys(p.dataset for p in pictures)
    return [strip for name in datasets for strip in _strips_of(name, pictures, models)]


def _strips_of(
    dataset: str, pictures: Sequence[ReportPicture], models: Sequence[str]
) -> Iterator[Strip]:
    for kind in KINDS:
        of_kind = [p for p in pictures if (p.dataset, p.kind) == (dataset, kind) and not p.smooth]
        by_model = same_seed(of_kind)
        made = [(model, by_model[model]) for model in models if model in by_model]
        if not made or any(_rows(picture.png) is None for _, picture in made):
            continue
        seed = made[0][1].seed
        if kind == "samples":
            real = by_model.get(TRAINING_IMAGES)
            rows = [(TRAINING_IMAGES, _row(real.png, 0))] if real else []
            yield Strip(
                dataset,
                PICTURES[kind].title,
                (*rows, *((m, _row(p.png, 0)) for m, p in made)),
                seed,
            )
        else:
            yield Strip(dataset, PICTURES[kind].title, tuple(_remade(made)), seed)


def same_seed(pictures: Sequence[ReportPicture]) -> dict[str, ReportPicture]:
    """The pictures by model, of the first seed that most models have."""
    seeds = [picture.seed for picture in pictures]
    if not seeds:
        return {}
    seed = min(set(seeds), key=lambda s: (-seeds.count(s), s))
    return {picture.model: picture for picture in pictures if picture.seed == seed}


def _remade(made: Sequence[tuple[str, ReportPicture]]) -> Iterator[tuple[str, bytes]]:
    """Test images, what models were given in their place where that differs, and what they made."""
    first = made[0][1].png
    in_block = (_rows(first) or 0) // BLOCKS
    yield "test images", _row(first, 0)
    if in_block == 3:
        yield "what models are given", _row(first, 1)
    for model, picture in made:
        yield model, _row(picture.png, in_block - 1)


def _rows(png: bytes) -> int | None:
    """The rows of a grid of `COLUMNS` square images with a line of one pixel around each; None of a
    grid of another form.
    """
    with Image.open(io.BytesIO(png)) as image:
        width, height = image.size
    pitch, rest = divmod(width - 1, COLUMNS)
    return None if rest or pitch < 2 or (height - 1) % pitch else (height - 1) // pitch


def _row(png: bytes, number: int) -> bytes:
    """A row of a grid, as the bytes of a PNG."""
    with Image.open(io.BytesIO(png)) as image:
        pitch = (image.width - 1) // COLUMNS
        return png_bytes(image.crop((0, number * pitch, image.width, (number + 1) * pitch + 1)))
