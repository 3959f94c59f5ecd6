"""How well images show what a text says."""

from __future__ import annotations

from torch import Tensor

from harness.metrics import checks, clip
from harness.metrics.base import Estimate, Metric


def _clip_score(text_similarity: Tensor) -> Estimate:
    return checks.mean_over(clip.clip_score(text_similarity), "images")


def _clip_s(text_similarity: Tensor) -> Estimate:
    return checks.mean_over(clip.clip_s(text_similarity), "images")


def _r_precision(image_embeddings: Tensor, text_embeddings: Tensor) -> Estimate:
    return checks.mean_over(clip.r_precision(image_embeddings, text_embeddings), "images")


CLIP_SCORE = Metric(
    "clip_score", _clip_score, "higher", "CLIP score", "Hessel et al. 2021, arXiv:2104.08718",
    digits=2, settings={"scale": 100},
)  # fmt: skip
CLIP_S = Metric(
    "clip_s", _clip_s, "higher", "CLIP-S", "Hessel et al. 2021, arXiv:2104.08718",
    settings={"scale": 2.5},
)  # fmt: skip
R_PRECISION = Metric(
    "r_precision", _r_precision, "higher", "R-precision", "Xu et al. 2018, arXiv:1711.10485",
    settings={"candidates": 100, "seed": 2020}, least={"texts": 100},
)  # fmt: skip

METRICS = (CLIP_SCORE, CLIP_S, R_PRECISION)
