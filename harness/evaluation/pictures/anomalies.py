"""How a model tells anomalies: the scores of images, and where in an image they come from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.evaluation.evidence import Evidence
from harness.evaluation.pictures.declaration import not_still_images, picture
from harness.evaluation.pictures.figures import BLUE, ORANGE, figure_png
from harness.evaluation.pictures.sheets import stacked
from harness.evaluation.reconstructions import map_batches
from harness.evaluation.scores import pixel_scores
from harness.families.capabilities import Reconstructs
from harness.metrics.detection import alarm_threshold

BINS = 40
LABELS = 5
"""The most numbers that stand below a linear axis; more run into each other."""
ALARMS = 0.05
"""The share of validation images that lie above the threshold."""
SPREAD = 50
"""Scores whose largest is this many times the median are drawn on a logarithmic axis."""
LARGE, HIGHEST = 32, 0.995
"""Larger images stand in narrower rows; the quantile of all pixels' scores that is drawn in full
colour."""
HEAT = torch.tensor([255.0, 40.0, 0.0]).view(1, 3, 1, 1)


@picture(
    "anomaly-scores",
    "Anomaly scores",
    caption="The scores of normal and of anomalous test images; the less they overlap, the better "
    "the model tells them apart. The dashed line, where there is one, is the threshold that "
    f"{ALARMS:.0%} of the validation images lie above: it was set without the test images.",
    alt="Histograms of the anomaly scores of normal and of anomalous test images",
    requires=("scores",),
    beside="anomaly_scores",
    is_figure=True,
)
def draw_anomaly_scores(e: Evidence) -> bytes:
    """Histograms of both, and the threshold if there are validation images to set it on."""
    from matplotlib.ticker import MaxNLocator

    scores = e["anomaly_scores"].double()
    anomalous = e["anomaly_labels"].bool()
    parts = {"normal": scores[~anomalous].numpy(), "anomalous": scores[anomalous].numpy()}
    threshold = None
    if e.at_hand("validation_images") is not None and len(e["validation_scores"]) * ALARMS >= 1:
        threshold = alarm_threshold(e["validation_scores"], ALARMS)
    spans = spans_decades(scores)
    edges = score_edges(scores, spans)

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for (name, values), colour in zip(parts.items(), (BLUE, ORANGE), strict=True):
            weights = np.full(len(values), 100 / max(1, len(values)))
            axes.hist(values, edges, weights=weights, color=colour, alpha=0.6, label=name)
        if threshold is not None:
            axes.axvline(threshold, color="black", linewidth=1, linestyle="--", label="threshold")
        axes.set(xlabel="anomaly score", ylabel="% of the images", xscale=("linear", "log")[spans])
        if not spans:
            axes.xaxis.set_major_locator(MaxNLocator(LABELS - 1))
        axes.legend(frameon=False, fontsize=8)

    return figure_png(4.0, 2.4, draw, _alarm_sentence(parts, threshold))


def spans_decades(scores: Tensor) -> bool:
    """Whether scores, N, are drawn on a logarithmic axis."""
    return bool((scores > 0).all()) and float(scores.max() / scores.median()) > SPREAD


def score_edges(scores: Tensor, spans: bool) -> Any:
    """The edges of the histogram's bins, on a logarithmic axis if it `spans` decades."""
    low, high = float(scores.min()), float(scores.max())
    if low == high:
        return np.linspace(low - 0.5, high + 0.5, BINS + 1)
    return np.geomspace(low, high, BINS + 1) if spans else np.linspace(low, high, BINS + 1)


def _alarm_sentence(parts: dict[str, Any], threshold: float | None) -> str:
    if threshold is None:
        return ""
    shares = {name: float((values > threshold).mean()) for name, values in parts.items()}
    return (
        f"Above the threshold lie {shares['normal']:.1%} of the normal test images and "
        f"{shares['anomalous']:.1%} of the anomalous ones."
    )


@picture(
    "anomaly-maps",
    "Where anomalies are seen",
    caption="Above the first normal test images, below the first anomalous ones. Under each image "
    "stands what the model makes of it, if it makes anything, then the image with its pixels the "
    "redder, the more anomalous the model finds them (on one scale), and last the true defect in "
    "white where that is known.",
    alt="Normal and anomalous test images, each above its reconstruction and its anomaly map,",
    requires=("scores", "maps"),
    unavailable=not_still_images,
)
def draw_anomaly_maps(e: Evidence) -> bytes:
    """The first test images of both kinds, each with what the model makes of its pixels."""
    images, anomalous = e["test_images"], e["anomaly_labels"].bool()
    columns = 8 if images.shape[-1] <= LARGE else 4
    first = [torch.nonzero(kind).flatten()[:columns] for kind in (~anomalous, anomalous)]
    columns = min(len(indices) for indices in first)
    shown = torch.cat([indices[:columns] for indices in first])
    images = images[shown]
    rows = [images]
    if isinstance(e.model, Reconstructs):
        rows.append(map_batches(e, images, lambda x: e.stored(e.model.reconstruct(x))))
    rows.append(_heated(images, pixel_scores(e, images)))
    if (masks := e.at_hand("anomaly_masks")) is not None:
        rows.append(masks[shown].view(-1, 1, *images.shape[2:]).to(torch.uint8) * 255)
    return stacked(rows, columns)


def _heated(images: Tensor, maps: Tensor) -> Tensor:
    """Images N×C×S×S, uint8, in grey, with the pixels of high scores red: N×3×S×S, uint8."""
    floor = maps.min()
    span = (torch.quantile(maps.float().flatten(), HIGHEST) - floor).clamp(min=1e-12)
    heat = ((maps - floor) / span).clamp(0, 1)[:, None]
    grey = images.float().mean(dim=1, keepdim=True)
    return (grey * (1 - heat) + HEAT * heat).round().to(torch.uint8)
