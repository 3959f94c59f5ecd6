"""How well a model tells anomalies from the rest, image by image and pixel by pixel."""

from __future__ import annotations

from torch import Tensor

from harness.metrics import detection, segmentation
from harness.metrics.base import Estimate, Metric


def _auroc(anomaly_scores: Tensor, anomaly_labels: Tensor) -> Estimate:
    return detection.auroc(anomaly_scores, anomaly_labels)


def _average_precision(anomaly_scores: Tensor, anomaly_labels: Tensor) -> Estimate:
    return detection.average_precision(anomaly_scores, anomaly_labels)


def _fpr95(anomaly_scores: Tensor, anomaly_labels: Tensor) -> Estimate:
    return detection.fpr_at_tpr(anomaly_scores, anomaly_labels, tpr=0.95)


def _pixel_auroc(anomaly_maps: Tensor, anomaly_masks: Tensor) -> Estimate:
    return segmentation.pixel_auroc(anomaly_maps, anomaly_masks)


def _aupro(anomaly_maps: Tensor, anomaly_masks: Tensor) -> Estimate:
    return segmentation.aupro(anomaly_maps, anomaly_masks, fpr_limit=0.3)


AUROC = Metric(
    "auroc", _auroc, "higher", "area under the ROC curve", "DeLong et al. 1988",
)  # fmt: skip
AUPR = Metric(
    "aupr", _average_precision, "higher", "average precision", "Davis & Goadrich 2006",
)  # fmt: skip
FPR95 = Metric(
    "fpr95", _fpr95, "lower", "false positive rate at 95 % true positives", "",
    settings={"tpr": 0.95},
)  # fmt: skip
PIXEL_AUROC = Metric(
    "pixel_auroc", _pixel_auroc, "higher", "area under the ROC curve of pixels", "",
)  # fmt: skip
AUPRO = Metric(
    "aupro", _aupro, "higher", "area under the per-region overlap", "Bergmann et al. 2021",
    settings={"fpr_limit": 0.3, "connectivity": 8},
)  # fmt: skip

METRICS = (AUROC, AUPR, FPR95, PIXEL_AUROC, AUPRO)
