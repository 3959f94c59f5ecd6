"""What the styles of a style-based generator do: truncated, and mixed."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from harness.core.seeding import generator
from harness.evaluation.evidence import Evidence
from harness.evaluation.pictures.declaration import not_still_images, picture
from harness.evaluation.pictures.sheets import grid_png
from harness.evaluation.requirements import Candidate
from harness.families.capabilities import MixesStyles

TRUNCATIONS = (0.0, 0.3, 0.5, 0.7, 0.85, 1.0)
"""How far a style is from the mean one, as a share."""
SMALLEST = 1e-6
"""In place of a truncation of 0, which a recipe cannot have."""
CODES, COARSE, FINE = 8, 5, 7
"""Codes that are truncated, and those whose styles are mixed: rows and columns."""


def _truncates_nothing(candidate: Candidate) -> str | None:
    if truncation(candidate.family) is None:
        return f"{candidate.model} has no truncation"
    return not_still_images(candidate)


def _mixes_nothing(candidate: Candidate) -> str | None:
    if isinstance(candidate.family, MixesStyles):
        return not_still_images(candidate)
    return f"{candidate.model} mixes no styles"


def truncation(family: Any) -> float | None:
    """How far a model's styles are from the mean one, as a share; None where it has no styles."""
    sampling = getattr(getattr(family, "settings", None), "sampling", None)
    return getattr(sampling, "truncation", None)


def truncated(family: Any, share: float) -> Any:
    """The model with another truncation, in (0, 1]; it shares its networks with this one."""
    other = copy.copy(family)
    sampling = family.settings.sampling.model_copy(update={"truncation": share})
    other.settings = family.settings.model_copy(update={"sampling": sampling})
    return other


@picture(
    "truncation",
    "Truncation",
    caption="In each row the images of the same codes, with their styles drawn towards the mean "
    f"style: {', '.join(format(share, 'g') for share in TRUNCATIONS)} of the way from it, from the "
    "top. Above all images are the mean one; the further down, the more they differ, and the more "
    "of them may be wrong.",
    alt="Samples of the same codes, in each row truncated less,",
    requires=("latents",),
    unavailable=_truncates_nothing,
)
def draw_truncation(e: Evidence) -> bytes:
    """Samples of the same codes at each truncation."""
    codes = _codes(e, CODES)
    with torch.inference_mode():
        rows = [
            e.stored(truncated(e.unchecked_model, share or SMALLEST).decode(codes))
            for share in TRUNCATIONS
        ]
    return grid_png(torch.cat(rows), CODES)


@picture(
    "style-mixing",
    "Mixed styles",
    caption="Each image in the grid has the style of the image at the left end of its row in the "
    "early, coarse half of the layers, and of the image at the top of its column in the late, fine "
    "half. What is alike along a row is coarse, what is alike down a column is fine.",
    alt="Images with the early style of one code and the late style of another",
    requires=("latents",),
    unavailable=_mixes_nothing,
)
def draw_style_mixing(e: Evidence) -> bytes:
    """Samples on two sides, and between them their mixed styles."""
    codes = _codes(e, COARSE + FINE)
    rows, columns = codes[:COARSE], codes[COARSE:]
    with torch.inference_mode():
        left, top = (e.stored(e.model.decode(z)) for z in (rows, columns))
        pairs = rows.repeat_interleave(FINE, 0), columns.repeat(COARSE, 1)
        mixed = torch.split(e.stored(e.model.mix_styles(*pairs)), FINE)
    corner = torch.full_like(top[:1], 255)
    lines = [torch.cat([corner, top])]
    lines += [torch.cat([left[i : i + 1], images]) for i, images in enumerate(mixed)]
    return grid_png(torch.cat(lines), FINE + 1)


def _codes(e: Evidence, count: int) -> Tensor:
    """Codes of the prior, the same for both pictures."""
    codes: Tensor = e.model.latents(count, generator(e.seed, "styles", device=e.device))
    return codes
