"""How well scores tell anomalies from the rest. Scores are used as they are, never squashed."""

from __future__ import annotations

import math

import torch
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score
from torch import Tensor

from harness.metrics import checks
from harness.metrics.base import Estimate
from harness.spec.errors import BadInput


def auroc(scores: Tensor, labels: Tensor) -> Estimate:
    """The area under the ROC curve, with DeLong's standard error over images.

    The share of (anomalous, normal) pairs in which the anomalous image has the higher score, ties
    counting half; constant scores give 0.5. `scores` n floats, higher for the more anomalous;
    `labels` n booleans, true for anomalies. DeLong et al. 1988, through the midranks of Sun & Xu
    2014, "Fast implementation of DeLong's algorithm".
    """
    anomalous, normal = _split(scores, labels)
    pooled = rankdata(torch.cat([anomalous, normal]).numpy())
    m, n = len(anomalous), len(normal)
    # For each anomalous image the share of normal ones below it; for each normal one, of anomalous
    # ones above it.
    above = torch.from_numpy(pooled[:m] - rankdata(anomalous.numpy())) / n
    below = 1 - torch.from_numpy(pooled[m:] - rankdata(normal.numpy())) / m
    value = float(above.mean())
    if min(m, n) < 2:
        return Estimate(value)
    return Estimate(value, math.sqrt(float(above.var()) / m + float(below.var()) / n), "images")


def average_precision(scores: Tensor, labels: Tensor) -> float:
    """The area under the precision–recall curve as its step-wise sum, scikit-learn's definition.

    Arguments as for `auroc`. The value of a detector that knows nothing is the share of anomalies.
    """
    _split(scores, labels)
    return float(average_precision_score(labels.cpu().numpy(), scores.double().cpu().numpy()))


def _split(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The scores of the anomalous and of the normal images."""
    scores = checks.vector(scores, "anomaly scores").cpu()
    if labels.dtype != torch.bool or labels.shape != scores.shape:
        found = f"{labels.dtype} of shape {tuple(labels.shape)}"
        raise BadInput(f"anomaly labels are {found}; {len(scores)} booleans are needed")
    labels = labels.cpu()
    if bool(labels.all()) or not bool(labels.any()):
        kind = "anomalous" if bool(labels.all()) else "normal"
        raise BadInput(f"all {len(labels)} images are {kind}; detection needs both kinds")
    return scores[labels], scores[~labels]
