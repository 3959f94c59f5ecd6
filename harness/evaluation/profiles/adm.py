"""The evaluator of ADM, `guided-diffusion` (Dhariwal & Nichol 2021, arXiv:2105.05233)."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.evaluation.profiles.base import limited, make_profile, variant
from harness.metrics import checks
from harness.metrics.base import Estimate
from harness.metrics.inception_score import exp_mean_kl

SPLIT = 5000
"""Images of one inception score, in their order; the mean over splits is the number."""


def _inception_score(sample_logits: Tensor) -> Estimate:
    """The evaluator shuffles nothing: samples sorted by class score lower."""
    logits = checks.matrix(sample_logits, "logits", at_least=2)
    scores = [float(exp_mean_kl(part)) for part in torch.split(logits, SPLIT)]
    return Estimate(sum(scores) / len(scores))


PROFILE = make_profile(
    "adm",
    "2021",
    [
        variant("fid"),
        variant("sfid"),
        limited(variant("is", _inception_score, split=SPLIT), images=2),
        variant("precision", k=3),
        variant("recall", k=3),
    ],
    {"extractor": "inception"},
)
