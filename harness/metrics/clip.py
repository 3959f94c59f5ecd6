"""How well an image shows what a text says, from the cosine of their CLIP embeddings."""

from __future__ import annotations

from torch import Tensor

from harness.metrics import checks
from harness.spec.errors import BadInput


def clip_score(cosines: Tensor) -> Tensor:
    """100 · max(cos, 0) of each image and its text, the form that most papers report: n float64."""
    return 100 * _positive(cosines)


def clip_s(cosines: Tensor) -> Tensor:
    """2.5 · max(cos, 0) of each image and its text: n float64.

    Hessel et al. 2021, "CLIPScore", arXiv:2104.08718, section 3; a fortieth of `clip_score`.
    """
    return 2.5 * _positive(cosines)


def _positive(cosines: Tensor) -> Tensor:
    cosines = checks.vector(cosines, "text similarities")
    if float(cosines.abs().max()) > 1 + 1e-5:
        raise BadInput(f"a text similarity of {float(cosines.abs().max()):.4g} is not a cosine")
    return cosines.clamp(0, 1)
