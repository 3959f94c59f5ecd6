"""Samples beside the real images that they are nearest to: copies show."""

from __future__ import annotations

from typing import Literal

from harness.core.errors import BadInput
from harness.evaluation.evidence import Evidence
from harness.evaluation.pictures.images import draw_neighbours
from harness.scoring.sets import Sets


def neighbour_role(sets: Sets) -> Literal["train", "reference"]:
    """The set whose images samples are shown beside: the training images where they are known;
    BadInput where there are no others than the samples.
    """
    if sets.train:
        return "train"
    if sets.reference:
        return "reference"
    raise BadInput("--gallery needs images to look among; give --reference or --train")


def gallery(sets: Sets, evidence: Evidence) -> bytes:
    """The PNG: in each row one of the samples nearest to a real image, then its nearest ones."""
    return draw_neighbours(evidence, neighbour_role(sets))


def caption(sets: Sets) -> str:
    """What the gallery shows, in words."""
    among = neighbour_role(sets)
    where = sets.by_role()[among].description
    if among == "train":
        return f"samples nearest to a training image ({where}), each beside its nearest ones"
    return (
        f"samples nearest to a reference image ({where}), each beside its nearest ones; whether "
        "the model was trained on these is not known (--train says on what)"
    )
