"""How well anomaly maps show where the anomalies are. Scores are used as they are.

Anomalous pixels are few: they are sorted once, and the normal ones of one image at a time are
placed among them. That gives exact ranks in memory for the anomalous pixels and one image.
"""

from __future__ import annotations

import math

import numpy as np
import scipy
import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric

__all__ = ["aupro", "pixel_auroc"]


@takes_arrays
def pixel_auroc(anomaly_maps: Tensor, anomaly_masks: Tensor) -> Estimate:
    """The area under the ROC curve of all pixels, with its standard error over images.

    The share of (anomalous, normal) pairs of pixels, within and across images, in which the
    anomalous one has the higher score, ties counting half. `anomaly_maps` N×H×W floats, higher for
    the more anomalous; `anomaly_masks` N×H×W booleans, true for anomalous pixels.

    The pixels of an image are not independent: the standard error is the jackknife that leaves out
    one image at a time. There is none where without some image one kind of pixel would be missing.
    """
    anomaly_maps = checks.check_anomaly_maps(anomaly_maps, anomaly_masks)
    ordered, order = anomaly_maps[anomaly_masks].sort()
    anomalous, normal = anomaly_masks.flatten(1).sum(1), (~anomaly_masks).flatten(1).sum(1)
    # The pairs won in which an image gives the anomalous pixel, the normal one, or both.
    by_anomalous = _sum_by(
        _image_of(anomaly_masks)[order],
        _normal_below(ordered, anomaly_maps, anomaly_masks).mean(0),
        anomaly_maps,
    )
    by_normal, by_both = torch.zeros_like(by_anomalous), torch.zeros_like(by_anomalous)
    for i, (image, mask) in enumerate(zip(anomaly_maps, anomaly_masks, strict=True)):
        by_normal[i] = _pairs_won(ordered, image[~mask])
        by_both[i] = _pairs_won(image[mask].sort().values, image[~mask])
    won = by_anomalous.sum()
    value = float(won / (anomalous.sum() * normal.sum()))
    pairs_without = (anomalous.sum() - anomalous) * (normal.sum() - normal)
    if not bool((pairs_without > 0).all()):
        return Estimate(value)
    without = (won - by_anomalous - by_normal + by_both) / pairs_without
    n = len(anomaly_maps)
    return Estimate(value, math.sqrt(float(without.var(correction=0)) * (n - 1)), "images")


PIXEL_AUROC = Metric(
    "pixel_auroc",
    pixel_auroc,
    "higher",
    "area under the ROC curve of pixels",
    "",
    kind="detection",
    range=(0.0, 1.0),
)


@takes_arrays
def aupro(anomaly_maps: Tensor, anomaly_masks: Tensor, fpr_limit: float = 0.3) -> Estimate:
    """The area under the per-region overlap, with its standard error over images.

    Bergmann et al. 2021, "The MVTec Anomaly Detection Dataset", IJCV 129: for every threshold the
    mean over the anomalous regions of the share of the region found, as a function of the share of
    normal pixels, of all images, that are flagged with them; integrated up to `fpr_limit` and
    divided by it, so that 1 is the best. Regions are the connected components of each mask,
    diagonal neighbours included. Arguments as for `pixel_auroc`; `fpr_limit` in (0, 1].

    Computed without a grid of thresholds: a pixel of a region of k pixels, found at the false
    positive rate x, adds max(limit − x, 0) / (limit · k) to its region. Pixels that tie are found
    together, along a straight line, as in the trapezoidal rule.

    The standard error is the infinitesimal jackknife over images (Efron 1982, chapter 6); there is
    none where fewer than two images have anomalies.
    """
    anomaly_maps = checks.check_anomaly_maps(anomaly_maps, anomaly_masks)
    if not 0 < fpr_limit <= 1:
        raise BadInput(f"the limit of the false positive rate is in (0, 1], not {fpr_limit}")
    ordered, order = anomaly_maps[anomaly_masks].sort()
    regions = _region_of(anomaly_masks)[order]
    sizes = regions.bincount()
    above = 1 - _normal_below(ordered, anomaly_maps, anomaly_masks).flip(0) / (~anomaly_masks).sum()
    areas = torch.zeros(len(sizes), dtype=torch.float64, device=anomaly_maps.device)
    areas.index_add_(0, regions, _area_from(above, fpr_limit) / sizes[regions])
    value = float(areas.mean())
    image_of_region = torch.empty_like(sizes)
    image_of_region[regions] = _image_of(anomaly_masks)[order]
    if bool((image_of_region == image_of_region[0]).all()):
        return Estimate(value)
    by_regions = _sum_by(image_of_region, areas - value, anomaly_maps) / len(sizes)
    pull = (above.mean(0) < fpr_limit) / (sizes[regions] * fpr_limit * len(sizes))
    influence = by_regions - _pull_of_normal(
        pull, above.mean(0), ordered, anomaly_maps, anomaly_masks
    )
    n = len(anomaly_maps)
    return Estimate(value, math.sqrt(float(influence.square().sum()) * n / (n - 1)), "images")


AUPRO = Metric(
    "aupro",
    aupro,
    "higher",
    "area under the per-region overlap",
    "Bergmann et al. 2021",
    kind="detection",
    settings={"fpr_limit": 0.3, "connectivity": 8},
    range=(0.0, 1.0),
)


def _area_from(rates: Tensor, limit: float) -> Tensor:
    """∫ max(limit − x, 0) dx / limit, averaged over x between the two rows of `rates`."""
    first, last = rates
    step = last - first
    to_limit = (limit - rates.clamp(max=limit)) / limit
    inside = (last.clamp(max=limit) - first.clamp(max=limit)) / step
    return torch.where(step > 0, inside * to_limit.mean(0), to_limit[0])


def _pull_of_normal(
    pull: Tensor, above: Tensor, ordered: Tensor, maps: Tensor, masks: Tensor
) -> Tensor:
    """How far the normal pixels of each image lower the area: N.

    `pull` is what a higher false positive rate at each anomalous score, in order, takes from it,
    and `above` is that rate.
    """
    sums = torch.cat([pull.new_zeros(1), pull.cumsum(0)])
    expected = (pull * above).sum()
    pulls = []
    for image, mask in zip(maps, masks, strict=True):
        normal = image[~mask]
        places = torch.stack(_places(ordered, normal))
        pulls.append(sums[places].mean(0).sum() - len(normal) * expected)
    return torch.stack(pulls) / (~masks).sum()


def _normal_below(ordered: Tensor, maps: Tensor, masks: Tensor) -> Tensor:
    """For each of the sorted anomalous scores how many normal pixels of all images are below it,
    and how many at or below it: 2×P float64.
    """
    placed = torch.zeros(2, len(ordered) + 1, dtype=torch.int64, device=maps.device)
    for image, mask in zip(maps, masks, strict=True):
        below, not_above = _places(ordered, image[~mask])
        placed[0].index_add_(0, not_above, torch.ones_like(not_above))
        placed[1].index_add_(0, below, torch.ones_like(below))
    # A normal score is below an anomalous one exactly if the anomalous ones not above the first
    # are no more than those below the second; likewise for at or below.
    return placed.cumsum(1)[:, torch.searchsorted(ordered, ordered)].double()


def _pairs_won(ordered: Tensor, normal: Tensor) -> Tensor:
    """The pairs in which one of the sorted anomalous scores is above a normal one, ties half."""
    below, not_above = _places(ordered, normal)
    return len(ordered) * len(normal) - (below.sum() + not_above.sum()).double() / 2


def _places(ordered: Tensor, normal: Tensor) -> tuple[Tensor, Tensor]:
    """For each normal score how many of the sorted scores are below it, and how many not above."""
    return torch.searchsorted(ordered, normal), torch.searchsorted(ordered, normal, right=True)


def _sum_by(image: Tensor, values: Tensor, maps: Tensor) -> Tensor:
    return torch.zeros(len(maps), dtype=torch.float64, device=maps.device).index_add_(
        0, image, values
    )


def _image_of(masks: Tensor) -> Tensor:
    """The image of each anomalous pixel, in the order of `maps[masks]`."""
    images = torch.arange(len(masks), device=masks.device)
    return images.repeat_interleave(masks.flatten(1).sum(1))


def _region_of(masks: Tensor) -> Tensor:
    """The connected component of each anomalous pixel, counted over all images, in that order."""
    regions, before = [], 0
    for mask in masks.cpu().numpy():
        labels, count = scipy.ndimage.label(mask, structure=np.ones((3, 3)))
        regions.append(torch.from_numpy(labels[mask].astype(np.int64) - 1 + before))
        before += count
    return torch.cat(regions).to(masks.device)
