"""Whether a model that is asked for images of a class makes images of that class."""

from __future__ import annotations

from torch import Tensor

from harness.metrics import checks
from harness.metrics.base import Estimate, Metric
from harness.metrics.extrapolation import mean_frechet_by_class


def _class_accuracy(sample_logits: Tensor, sample_labels: Tensor) -> Estimate:
    logits = checks.matrix(sample_logits, "logits", at_least=1)
    checks.labels(sample_labels, "classes asked for", len(logits))
    return checks.mean_over((logits.argmax(dim=1) == sample_labels).double(), "images")


def _intra_fid(
    sample_features: Tensor,
    sample_labels: Tensor,
    reference_features: Tensor,
    reference_labels: Tensor,
) -> Estimate:
    return mean_frechet_by_class(
        sample_features, sample_labels, reference_features, reference_labels
    )


CLASS_ACCURACY = Metric(
    "class_accuracy", _class_accuracy, "higher", "accuracy of the class asked for", "",
)  # fmt: skip
INTRA_FID = Metric(
    "intra_fid", _intra_fid, "lower", "mean Fréchet distance by class asked for",
    "Miyato & Koyama 2018, arXiv:1802.05637", scale="log", digits=2,
)  # fmt: skip

METRICS = (CLASS_ACCURACY, INTRA_FID)
