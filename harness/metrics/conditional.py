"""Whether a model makes images of the class that it is asked for."""

from __future__ import annotations

from torch import Tensor

from harness.metrics import checks
from harness.metrics.base import Estimate, Metric


def _class_accuracy(sample_logits: Tensor, sample_labels: Tensor) -> Estimate:
    logits = checks.matrix(sample_logits, "logits", at_least=1)
    checks.labels(sample_labels, "classes asked for", len(logits))
    return checks.mean_over((logits.argmax(dim=1) == sample_labels).double(), "images")


CLASS_ACCURACY = Metric(
    "class_accuracy",
    _class_accuracy,
    "higher",
    "accuracy of the class asked for",
    "",
    kind="conditional",
    range=(0.0, 1.0),
)
