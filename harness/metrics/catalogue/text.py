"""How well images show what a text says."""

from __future__ import annotations

from torch import Tensor

from harness.metrics import checks, clip
from harness.metrics.base import Estimate, Metric


def _clip_score(text_similarity: Tensor) -> Estimate:
    return checks.mean_over(clip.clip_score(text_similarity), "images")


CLIP_SCORE = Metric(
    "clip_score", _clip_score, "higher", "CLIP score", "Hessel et al. 2021, arXiv:2104.08718",
    digits=2, settings={"scale": 100},
)  # fmt: skip

METRICS = (CLIP_SCORE,)
