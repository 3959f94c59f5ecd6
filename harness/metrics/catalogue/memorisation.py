"""Whether samples are new, to be shown beside how good they are."""

from __future__ import annotations

from torch import Tensor

from harness.metrics import memorisation
from harness.metrics.base import Estimate, Metric


def _authpct(train_features: Tensor, sample_features: Tensor) -> Estimate:
    return memorisation.authpct(train_features, sample_features)


def _fid_gap(
    sample_features: Tensor, reference_features: Tensor, train_features: Tensor
) -> Estimate:
    return memorisation.fid_gap(sample_features, reference_features, train_features)


AUTHPCT = Metric(
    "authpct", _authpct, "nearer", "authentic samples", "Alaa et al. 2022, arXiv:2102.08921",
    unit="%", digits=1, ideal="held-out", least={"train": 2, "samples": 2},
)  # fmt: skip
FID_GAP = Metric(
    "fid_gap", _fid_gap, "neither", "memorisation gap", "",
    settings={"seed": 0}, digits=2, least={"samples": 3, "reference": 3, "train": 3},
)  # fmt: skip

METRICS = (AUTHPCT, FID_GAP)
