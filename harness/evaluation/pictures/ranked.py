"""Samples in the order of their classes, and reconstructions in the order of their errors."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.data.frames import unfold
from harness.evaluation.evidence import Evidence
from harness.evaluation.pictures.declaration import not_still_images, picture
from harness.evaluation.pictures.images import remakes_nothing
from harness.evaluation.pictures.sheets import grid_png, stacked
from harness.evaluation.protocols import SAMPLING_BATCH
from harness.evaluation.requirements import Candidate
from harness.families.capabilities import is_conditional

COLUMNS, CLASSES = 8, 16
"""Images in a row, and classes that are shown, at most."""


def _asks_for_no_class(candidate: Candidate) -> str | None:
    if is_conditional(candidate.family):
        return not_still_images(candidate)
    return f"{candidate.model} is not asked for classes"


def _has_no_errors(candidate: Candidate) -> str | None:
    return remakes_nothing(candidate) or not_still_images(candidate)


@picture(
    "samples-by-class",
    "Samples by class",
    caption="In each row the first samples that were asked to be of one class.",
    alt="Samples, in each row of one class,",
    unavailable=_asks_for_no_class,
)
def draw_samples_by_class(e: Evidence) -> bytes:
    """Draws the first samples of each class, a row a class; missing ones stay white."""
    e = e.with_few_samples(SAMPLING_BATCH)
    images, labels = e["samples"], e["sample_labels"][: len(e["samples"])]
    classes = labels.unique()[:CLASSES].tolist()
    rows = [_filled(images[labels == label][:COLUMNS]) for label in classes]
    listed = ", ".join(str(label) for label in classes)
    return grid_png(torch.cat(rows), COLUMNS, f"From the top: class {listed}.")


def _filled(images: Tensor) -> Tensor:
    """A row of images N×C×S×S, uint8, with white ones at its end."""
    white = images.new_full((COLUMNS - len(images), *images.shape[1:]), 255)
    return torch.cat([images, white])


@picture(
    "ranked-reconstructions",
    "Worst and best reconstructions",
    caption="The test images with the largest mean squared errors, and below those with the "
    "smallest ones, each above its reconstruction; where models repair damaged images, what the "
    "model was given stands between.",
    alt="The worst and the best reconstructions, below their test images,",
    unavailable=_has_no_errors,
    beside="reconstructions",
)
def draw_ranked_reconstructions(e: Evidence) -> bytes:
    """Draws the reconstructions with the largest and the smallest mean squared errors, the worst
    and the best at the left.
    """
    originals, made, sources = e["originals"], e["reconstructions"], e["test_sources"]
    errors = (originals.float() - made.float()).square().flatten(1).mean(dim=1) / 255**2
    order = errors.argsort(stable=True)
    columns = min(COLUMNS, len(order) // 2)
    shown = torch.cat([order.flip(0)[:columns], order[:columns]])
    worst, best = errors[shown[:columns]], errors[shown[columns:]]
    caption = (
        f"Mean squared errors of {worst.max():.2g} to {worst.min():.2g}, and of "
        f"{best.min():.2g} to {best.max():.2g}."
    )
    rows = [originals, None if sources is None else unfold(sources, e.setup.frames), made]
    return stacked([images[shown] for images in rows if images is not None], columns, caption)
