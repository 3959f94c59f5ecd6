"""How well a model tells anomalies from the rest."""

from __future__ import annotations

from torch import Tensor

from harness.metrics import detection
from harness.metrics.base import Estimate, Metric


def _auroc(anomaly_scores: Tensor, anomaly_labels: Tensor) -> Estimate:
    return detection.auroc(anomaly_scores, anomaly_labels)


def _average_precision(anomaly_scores: Tensor, anomaly_labels: Tensor) -> Estimate:
    return Estimate(detection.average_precision(anomaly_scores, anomaly_labels))


AUROC = Metric(
    "auroc", _auroc, "higher", "area under the ROC curve", "DeLong et al. 1988",
)  # fmt: skip
AUPR = Metric(
    "aupr", _average_precision, "higher", "average precision", "Davis & Goadrich 2006",
)  # fmt: skip

METRICS = (AUROC, AUPR)
