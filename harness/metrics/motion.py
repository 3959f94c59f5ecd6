"""Whether videos move as they should: how much changes between frames, and what."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.averages import MeanOverImages
from harness.metrics.base import Estimate, Metric, both
from harness.metrics.frechet import frechet_distance

Floats = NDArray[np.float64]


def frame_changes(videos: Tensor, frames: int) -> Tensor:
    """The mean absolute difference of successive frames on the [0, 1] scale: n×(frames − 1) float64
    of videos uint8 n×(frames·C)×H×W.
    """
    checks.images(videos)
    if frames < 2 or videos.shape[1] % frames:
        raise BadInput(f"videos of {frames} frames cannot have {videos.shape[1]} channels")
    parts = videos.reshape(len(videos), frames, -1).short()
    sums = (parts[:, 1:] - parts[:, :-1]).abs().sum(dim=2, dtype=torch.int64)
    return sums.double() / (255 * parts.shape[2])


def frame_change_distance(sample_changes: Tensor, reference_changes: Tensor) -> Estimate:
    """The Wasserstein-1 distance between the frame changes of samples and reference: by how much
    the amount of change between two frames is off, on the average over its quantiles.

    Both are of `frame_changes`, n×changes; every change counts alike. Exact. The standard error is
    that of the influence of each video, whole, on both sides; None where a side has a single one.
    Of equal distributions the distance is above 0, and the error 1.4 times too large.
    """
    ours, theirs = (
        checks.matrix(x, "changes", at_least=1).numpy() for x in (sample_changes, reference_changes)
    )
    value, influences = _transport(ours, theirs)
    if min(len(ours), len(theirs)) < 2:
        return Estimate(value)
    errors = [side.mean(axis=1).std(ddof=1) / math.sqrt(len(side)) for side in influences]
    return Estimate(value, math.hypot(*errors), "images")


FRAME_CHANGE = Metric(
    "frame_change",
    frame_change_distance,
    "lower",
    "distance of the changes between frames",
    "",
    kind="structure",
    scale="log",
    digits=5,
    of_pixels=True,
    range=(0.0, None),
)


def frame_pairs(features: Tensor, frames: int) -> Tensor:
    """Returns for each pair of successive frames the earlier one's features and their change to the
    later one, n·(frames − 1)×2d. `features` n·frames×d are of one video after the other.
    """
    videos = features.view(-1, frames, features.shape[1])
    earlier, later = videos[:, :-1], videos[:, 1:]
    return torch.cat([earlier, later - earlier], dim=2).flatten(0, 1)


def _video_frechet(sample_frame_pairs: Tensor, reference_frame_pairs: Tensor) -> Estimate:
    # Pairs of one video are alike: an error that takes them for independent is too small.
    return Estimate(frechet_distance(sample_frame_pairs, reference_frame_pairs))


VIDEO_FRECHET = Metric(
    "video_frechet",
    _video_frechet,
    "lower",
    "Fréchet distance of successive frames",
    "after Unterthiner et al. 2018, arXiv:1812.01717",
    kind="distribution",
    scale="log",
    digits=2,
    of_pixels=True,
    least=both(2),
    range=(0.0, None),
)


def same_figure(sample_figures: Tensor) -> Tensor:
    """Returns for each video the share of pairs of successive frames that show the same figure: n
    float64. `sample_figures` n×frames×factors has the figure of each frame.
    """
    return (sample_figures[:, 1:] == sample_figures[:, :-1]).all(dim=2).double().mean(dim=1)


IDENTITY_KEPT = Metric(
    "identity_kept",
    MeanOverImages(same_figure),
    "higher",
    "successive frames that show one figure",
    "",
    kind="structure",
    of_pixels=True,
    range=(0.0, 1.0),
)


def _transport(a: Floats, b: Floats) -> tuple[float, tuple[Floats, Floats]]:
    """∫|F − G| of two sets of numbers and, up to a sign and a constant, the influence that each of
    them has on it: ∫sign(F − G) up to that number.
    """
    points = np.sort(np.concatenate([a.ravel(), b.ravel()]))
    f, g = (np.searchsorted(np.sort(x.ravel()), points[:-1], "right") / x.size for x in (a, b))
    widths = np.diff(points)
    influence = np.concatenate([[0.0], np.cumsum(np.sign(f - g) * widths)])
    value = float((np.abs(f - g) * widths).sum())
    return value, (influence[np.searchsorted(points, a)], influence[np.searchsorted(points, b)])
