"""The pictures of a dataset as a page shows them: a tab a kind, models side by side with their
seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.measurement import TRAINING_IMAGES
from harness.evaluation.pictures import PICTURES
from harness.report.palette import model_styles
from harness.report.results import ReportPicture
from harness.report.strips import COLUMNS, KINDS, grid_rows
from harness.report.templating import data_uri, slug


@dataclass(frozen=True)
class Sheet:
    """A picture as part of a page. `columns` and `rows` of a grid of images are 0 where it is
    another picture: only places in grids can be compared.
    """

    picture: ReportPicture
    uri: str
    columns: int
    rows: int


@dataclass(frozen=True)
class SheetGroup:
    """The pictures of one kind of a model, a seed each; real images have no colour."""

    model: str
    colour: str
    sheets: tuple[Sheet, ...]


@dataclass(frozen=True)
class Gallery:
    """The pictures of one kind on one dataset, in the order of models with real images first. `id`
    is its place in the page.
    """

    id: str
    title: str
    caption: str
    is_wide: bool
    groups: tuple[SheetGroup, ...]


@dataclass(frozen=True)
class SampleBrowser:
    """All pictures of a dataset, by kind."""

    dataset: str
    galleries: tuple[Gallery, ...]


def sample_browsers(
    pictures: Sequence[ReportPicture], models: Sequence[str]
) -> list[SampleBrowser]:
    """Returns a browser for each dataset that has pictures."""
    by_place: dict[tuple[str, str], list[ReportPicture]] = {}
    for picture in pictures:
        by_place.setdefault((picture.dataset, picture.kind), []).append(picture)
    return [
        SampleBrowser(
            dataset,
            tuple(
                _gallery(kind, dataset, by_place[dataset, kind], models)
                for kind in PICTURES
                if (dataset, kind) in by_place
            ),
        )
        for dataset in dict.fromkeys(picture.dataset for picture in pictures)
    ]


def _gallery(
    kind: str, dataset: str, pictures: Sequence[ReportPicture], models: Sequence[str]
) -> Gallery:
    spec, styles = PICTURES[kind], model_styles(models)
    groups = []
    for model in (TRAINING_IMAGES, *models):
        sheets = tuple(_sheet(each) for each in pictures if each.model == model)
        if sheets:
            colour = styles[model].colour if model in styles else ""
            groups.append(SheetGroup(model, colour, sheets))
    return Gallery(
        slug(f"{spec.title} {dataset}"), spec.title, spec.caption, spec.is_figure, tuple(groups)
    )


def _sheet(picture: ReportPicture) -> Sheet:
    is_grid = picture.kind in KINDS and not picture.smooth
    rows = (grid_rows(picture.png) if is_grid else None) or 0
    return Sheet(picture, data_uri(picture.png), COLUMNS if rows else 0, rows)
