"""Strips of pictures: the first images of each model in a row, below the real ones."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
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
    by_kind = {kind: side_by_side(pictures, kind) for kind in KINDS}
    candidates = [
        _strip(kind, dataset, by_kind[kind].get(dataset, {}), models)
        for dataset in dict.fromkeys(p.dataset for p in pictures)
        for kind in KINDS
    ]
    return [strip for strip in candidates if strip is not None]


def side_by_side(
    pictures: Sequence[ReportPicture], kind: str
) -> dict[str, dict[str, ReportPicture]]:
    """The pictures of a kind by dataset and model, on each dataset of one seed: the first that most
    models have.
    """
    by_dataset: dict[str, list[ReportPicture]] = {}
    for picture in pictures:
        if picture.kind == kind:
            by_dataset.setdefault(picture.dataset, []).append(picture)
    shown = {}
    for dataset, of_kind in by_dataset.items():
        seeds = [picture.seed for picture in of_kind]
        seed = min(set(seeds), key=lambda s: (-seeds.count(s), s))
        shown[dataset] = {p.model: p for p in of_kind if p.seed == seed}
    return shown


def _strip(
    kind: str, dataset: str, by_model: Mapping[str, ReportPicture], models: Sequence[str]
) -> Strip | None:
    """The strip of a kind on a dataset; None where no model has a grid of images."""
    made = [(model, by_model[model]) for model in models if model in by_model]
    if not made or any(p.smooth or grid_rows(p.png) is None for _, p in made):
        return None
    rows = _remade(made) if kind == "reconstructions" else _sampled(made, by_model)
    return Strip(dataset, PICTURES[kind].title, tuple(rows), made[0][1].seed)


def _sampled(
    made: Sequence[tuple[str, ReportPicture]], by_model: Mapping[str, ReportPicture]
) -> Iterator[tuple[str, bytes]]:
    """Training images, where there are any, and samples of each model."""
    if real := by_model.get(TRAINING_IMAGES):
        yield TRAINING_IMAGES, _row(real.png, 0)
    for model, picture in made:
        yield model, _row(picture.png, 0)


def _remade(made: Sequence[tuple[str, ReportPicture]]) -> Iterator[tuple[str, bytes]]:
    """Test images, what models were given in their place where that differs, and what they made."""
    first = made[0][1].png
    in_block = (grid_rows(first) or 0) // BLOCKS
    yield "test images", _row(first, 0)
    if in_block == 3:
        yield "what models are given", _row(first, 1)
    for model, picture in made:
        yield model, _row(picture.png, in_block - 1)


def grid_rows(png: bytes) -> int | None:
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


def first_rows(pngs: Sequence[bytes]) -> bytes:
    """The first rows of grids of one form below one another, as the bytes of a PNG; b"" where the
    grids have another form.
    """
    if any(grid_rows(png) is None for png in pngs):
        return b""
    rows = [Image.open(io.BytesIO(_row(png, 0))) for png in pngs]
    sheet = Image.new(rows[0].mode, (rows[0].width, sum(row.height - 1 for row in rows) + 1))
    for number, row in enumerate(rows):
        sheet.paste(row, (0, number * (row.height - 1)))
    return png_bytes(sheet)
