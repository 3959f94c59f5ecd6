"""What a picture is: the function that draws it, what it shows, and which models have it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from harness.core.errors import BadInput
from harness.core.keys import digest
from harness.data.base import Dataset
from harness.data.scatter import is_plane
from harness.evaluation.evidence import Evidence
from harness.evaluation.requirements import (
    REQUIREMENTS,
    Candidate,
    Need,
    Unavailable,
    always_available,
)
from harness.families.base import Family
from harness.metrics.base import Metric

Draw = Callable[[Evidence], bytes]
DrawFunction = TypeVar("DrawFunction", bound=Callable[..., bytes])
"""A `Draw`, which may take more."""


@dataclass(frozen=True)
class PictureSpec:
    """A kind of picture.

    `title` is its heading in reports, `caption` explains below that what it shows, and `alt` says
    the same to those who cannot see it, before "of MODEL on DATASET". `alt_of_points` replaces
    `alt` for points in the plane; where it is empty, points have no such picture. `draw` returns
    the bytes of a PNG, or none where there is nothing to show. `is_figure` is true of a figure with
    axes, false of a grid of images. The picture is drawn where `unavailable` has no reason against
    it; one `beside` a kind of evidence only where a metric of the cell takes that, so that drawing
    it computes nothing more.
    """

    name: str
    title: str
    caption: str
    alt: str
    draw: Draw
    unavailable: Unavailable
    alt_of_points: str = ""
    is_figure: bool = False
    beside: str = ""


PICTURES: dict[str, PictureSpec] = {}
"""Every kind of picture by its name, in the order in which reports show them."""

SAMPLES = "samples"
"""The picture that training fractions have too."""
ANY_SAMPLING = {"reconstructions"}
"""Pictures that the sampling settings of a recipe do not change."""


def picture(  # noqa: PLR0913 - all that is declared of a picture
    name: str,
    title: str,
    *,
    caption: str,
    alt: str,
    alt_of_points: str = "",
    requires: Collection[Need] = (),
    unavailable: Unavailable = always_available,
    beside: str = "",
    is_figure: bool = False,
) -> Callable[[DrawFunction], DrawFunction]:
    """Makes the function below it a picture that is drawn where all that it `requires` is there, as
    of evidence, and `unavailable` has no reason against it. Raises BadInput for an unknown
    requirement.
    """
    for need in requires:
        if need not in REQUIREMENTS:
            raise BadInput(f"picture {name!r}: unknown requirement {need!r}")

    def reason(candidate: Candidate) -> str | None:
        reasons = (REQUIREMENTS[need].unavailable(candidate) for need in requires)
        return next(filter(None, reasons), None) or unavailable(candidate)

    def register(draw: DrawFunction) -> DrawFunction:
        PICTURES[name] = PictureSpec(
            name, title, caption, alt, draw, reason, alt_of_points, is_figure, beside
        )
        return draw

    return register


def chosen_pictures(
    dataset: Dataset, model: Family | None, metrics: Sequence[Metric]
) -> list[PictureSpec]:
    """The pictures to be drawn of a model on a dataset, or of samples where `model` is None, beside
    these metrics.
    """
    candidate = Candidate(dataset, "the model", model, no_model="there are samples alone")
    taken = {need for metric in metrics if not metric.variant for need in metric.needs}
    of_points = is_plane(dataset.test.images)
    return [
        spec
        for spec in PICTURES.values()
        if (spec.alt_of_points or not of_points)
        and (not spec.beside or spec.beside in taken)
        and not spec.unavailable(candidate)
    ]


def picture_name(name: str, sampling: Mapping[str, Any]) -> str:
    """Returns the name of a picture in its run, by the sampling settings: models that differ in
    these alone share a run, and each has pictures of its own.
    """
    return f"{name}-{digest(sampling)[:8]}" if sampling and name not in ANY_SAMPLING else name


def may_have_picture(facts: Mapping[str, Any], name: str) -> bool:
    """Whether a run with these facts may have the picture of this name. Early runs did not record
    which they have.
    """
    return "pictures" not in facts or name in facts["pictures"].split()


def not_still_images(candidate: Candidate) -> str | None:
    """Why a dataset has no single images of 8-bit pixels; None where it has."""
    dataset = candidate.dataset
    if dataset.frames > 1:
        return f"{dataset.name} has videos"
    return None if dataset.has_pixels else f"{dataset.name} has real numbers, not 8-bit pixels"
