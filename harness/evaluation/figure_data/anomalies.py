"""ROC curves, and histograms of anomaly scores with the threshold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.evaluation.evidence import Evidence
from harness.evaluation.figure_data.declaration import figure_data
from harness.evaluation.pictures.anomalies import ALARMS, score_edges, spans_decades
from harness.metrics.detection import alarm_threshold

Array = NDArray[np.float64]

FALSE_ALARMS: Array = np.array(
    [0, 0.001, 0.002, 0.005, 0.01, 0.02, *np.arange(0.04, 1.0, 0.02), 1.0]
)
"""The shares of normal images above the threshold at which ROC curves are read."""
DIGITS = 4


@figure_data("anomaly-detection", beside="anomaly_scores", requires=("scores",))
def anomaly_detection(e: Evidence) -> Mapping[str, Any]:
    """`found`: the share of anomalous images found at each of `FALSE_ALARMS`. `edges` of the
    histogram's bins, on a logarithmic axis if `is_log`, and the share of `normal` and `anomalous`
    test images in each. `threshold`, which `ALARMS` of the validation images lie above; None where
    there are too few of these.
    """
    scores, anomalous = e["anomaly_scores"].double(), e["anomaly_labels"].bool()
    normal, odd = scores[~anomalous].numpy(), scores[anomalous].numpy()
    is_log = spans_decades(scores)
    edges = score_edges(scores, is_log)
    threshold = None
    if e.at_hand("validation_images") is not None and len(e["validation_scores"]) * ALARMS >= 1:
        threshold = float(alarm_threshold(e["validation_scores"], ALARMS))
    return {
        "found": _rounded(roc_curve(normal, odd, FALSE_ALARMS)),
        "edges": [float(f"{edge:.5g}") for edge in edges],
        "is_log": is_log,
        "normal": _rounded(_shares(normal, edges)),
        "anomalous": _rounded(_shares(odd, edges)),
        "threshold": threshold,
    }


def roc_curve(normal: Array, anomalous: Array, false_alarms: Array) -> Array:
    """The share of anomalous scores that is found where at most these shares of normal scores are
    above the threshold. Between the thresholds that scores allow the curve is straight, as the area
    under it takes it, and where it is upright the upper end counts.
    """
    scores = np.unique(np.concatenate([normal, anomalous]))[::-1]
    x = np.concatenate([[0.0], _shares_from(normal, scores)])
    y = np.concatenate([[0.0], _shares_from(anomalous, scores)])
    last = np.searchsorted(x, false_alarms + 1e-12, side="right") - 1
    after = np.minimum(last + 1, len(x) - 1)
    width = np.where(x[after] > x[last], x[after] - x[last], 1.0)
    found: Array = y[last] + (false_alarms - x[last]).clip(0) / width * (y[after] - y[last])
    return found


def _shares_from(values: Array, thresholds: Array) -> Array:
    """The share of values that are at least as large as each threshold."""
    return 1 - np.searchsorted(np.sort(values), thresholds, side="left") / max(1, len(values))


def _shares(values: Array, edges: Array) -> Array:
    return np.histogram(values, edges)[0] / max(1, len(values))


def _rounded(values: Array) -> list[float]:
    return [round(float(value), DIGITS) for value in values]
