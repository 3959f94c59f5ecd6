"""Precision and recall against a manifold that is known: the convex polygons of `polygons`.

After Lucic et al. 2018, arXiv:1711.10337. The polygons are a surface in the space of images, with
one dimension for each corner. A sample is right where it lies near that surface, and an image of
the data is reached where a sample lies near it. Distances are root mean squares of the differences
of pixels on the [0, 1] scale.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.core.errors import BadInput
from harness.data.generated import polygons as known
from harness.metrics import checks
from harness.metrics.base import Estimate, Metric, worse_with

ON_MANIFOLD = 0.05
"""A sample may be so far from the nearest polygon. Ours, not the paper's: it lies in a gap, above
noise of 13 of the 255 levels and below the least blur (docs/metrics.md has the figures)."""

REACHED = 0.1
"""An image of the data may be so far from the nearest sample. Ours too: 10,000 fresh triangles
reach every test image, and the mean of all triangles reaches none."""

BANK = 20_000
"""Polygons among which the search begins."""
STARTS = 2
STEPS = 4
_BATCH = 1000
_FARTHEST = 150.0
"""A step turns no corner by more tenths of a degree."""


class NearestPolygons(NamedTuple):
    """For each image the angles of the nearest polygon that was found, n×corners int64 in tenths of
    a degree, and its distance, n float64.
    """

    angles: NDArray[np.int64]
    distances: Tensor


def nearest_polygons(images: Tensor, corners: int) -> NearestPolygons:
    """The polygon nearest to each image uint8 n×1×28×28.

    Each found polygon is one of the dataset's, and its distance is exact, so that the true one is
    never farther. That it is the nearest is not certain: it is searched for, by Gauss–Newton steps
    on a smooth approximation, from the two nearest of 20,000 polygons.
    """
    checks.images(images)
    if images.shape[1:] != (1, known.SIZE, known.SIZE):
        raise BadInput(
            f"images are {tuple(images.shape[1:])} (C×H×W); polygons are "
            f"1×{known.SIZE}×{known.SIZE}"
        )
    batches = [_nearest(batch, corners) for batch in torch.split(images, _BATCH)]
    angles = np.concatenate([one.angles for one in batches])
    return NearestPolygons(angles, torch.cat([one.distances for one in batches]))


def polygon_precision(polygon_samples: Tensor, polygon_corners: int) -> Estimate:
    """The share of samples uint8 n×1×28×28 within `ON_MANIFOLD` of a polygon; its standard error is
    that of a proportion. A search that misses can only lower it (see `nearest_polygons`).
    """
    return _share(nearest_polygons(polygon_samples, polygon_corners).distances <= ON_MANIFOLD)


POLYGON_PRECISION = Metric(
    "polygon_precision",
    polygon_precision,
    "higher",
    "share of samples that are polygons",
    "Lucic et al. 2018, arXiv:1711.10337",
    kind="structure",
    settings={"within": ON_MANIFOLD, "starts": STARTS},
    of_pixels=True,
    range=(0.0, 1.0),
    fooled_by=worse_with("noise", "blur"),
)


def polygon_recall(reference_polygons: Tensor, polygon_samples: Tensor) -> Estimate:
    """The share of reference images that have a sample within `REACHED`: both uint8 n×1×28×28.

    Exact. It grows with the number of samples, also for a perfect model. The standard error is that
    of a proportion of the reference, and says nothing of the draw of the samples.
    """
    checks.images(polygon_samples)
    checks.images(reference_polygons)
    targets, made = (x.flatten(1).double() for x in (reference_polygons, polygon_samples))
    if targets.shape[1] != made.shape[1]:
        raise BadInput(
            f"samples and reference differ: {made.shape[1]} and {targets.shape[1]} pixels"
        )
    # Whole numbers below 2⁵³: every product and sum is exact.
    limit = (REACHED * 255) ** 2 * made.shape[1]
    lengths = made.square().sum(dim=1)
    reached = [
        (lengths - 2 * part @ made.T).min(dim=1).values + part.square().sum(dim=1) <= limit
        for part in torch.split(targets, _BATCH)
    ]
    return _share(torch.cat(reached))


POLYGON_RECALL = Metric(
    "polygon_recall",
    polygon_recall,
    "higher",
    "share of polygons that are reached",
    "Lucic et al. 2018, arXiv:1711.10337",
    kind="structure",
    settings={"within": REACHED},
    of_pixels=True,
    range=(0.0, 1.0),
)


def _share(hits: Tensor) -> Estimate:
    return checks.proportion(float(hits.double().mean()), len(hits))


def _nearest(images: Tensor, corners: int) -> NearestPolygons:
    pixels = images.flatten(1).float() / 255
    angles, bank = _bank(corners)
    near = (bank.square().sum(dim=1) - 2 * pixels @ bank.T).topk(STARTS, largest=False).indices
    candidates = [angles[near[:, i]].numpy() for i in range(STARTS)]
    candidates += [_refined(pixels, angles[near[:, i]].float(), corners) for i in range(STARTS)]
    distances = torch.stack([_distances(images, one) for one in candidates])
    best = distances.argmin(dim=0)
    polygons = np.stack(candidates)[best.numpy(), np.arange(len(images))]
    return NearestPolygons(polygons, distances.amin(dim=0))


@lru_cache(maxsize=1)
def _bank(corners: int) -> tuple[Tensor, Tensor]:
    """Angles and pixels in [0, 1] of polygons throughout the manifold."""
    random = np.random.RandomState(corners)
    angles = known.draw_angles(random, BANK, corners)
    return torch.from_numpy(angles), _drawn(angles).float() / 255


def _drawn(angles: NDArray[np.int64]) -> Tensor:
    """The pixels of polygons, n×784 uint8; a few at a time, since subpixels take memory."""
    parts = np.array_split(angles, -(-len(angles) // 200))
    return torch.from_numpy(
        np.concatenate([known.render_polygons(part) for part in parts])
    ).flatten(1)


def _distances(images: Tensor, angles: NDArray[np.int64]) -> Tensor:
    """Of each image from the polygon with these angles; infinite where that is not one of them."""
    squares = (images.flatten(1).short() - _drawn(angles).short()).double().square()
    distances = squares.mean(dim=1).sqrt() / 255
    return torch.where(torch.from_numpy(known.are_polygons(angles)), distances, math.inf)


def _refined(pixels: Tensor, angles: Tensor, corners: int) -> NDArray[np.int64]:
    """Better angles n×corners than those given, by Levenberg's damped Gauss–Newton steps."""
    best, least = angles, torch.full((len(pixels),), math.inf)
    damping = 1e-6 * torch.eye(corners)
    for _ in range(STEPS):
        values, slopes = _smooth(angles)
        residuals = pixels - values
        loss = residuals.square().sum(dim=1)
        best = torch.where((loss < least)[:, None], angles, best)
        least = torch.minimum(loss, least)
        normal = slopes.transpose(1, 2) @ slopes + damping
        step = torch.linalg.solve(normal, slopes.transpose(1, 2) @ residuals[..., None])[..., 0]
        angles = _admissible(angles + step.clamp(-_FARTHEST, _FARTHEST))
    return _admissible(best).round().long().numpy()


def _admissible(angles: Tensor) -> Tensor:
    """The angles with corners that left their sector put on its border."""
    corners = angles.shape[1]
    regular = known.TURN / corners * torch.arange(corners)
    leads = angles - regular
    middle = (leads.amax(dim=1, keepdim=True) + leads.amin(dim=1, keepdim=True)) / 2
    # A tenth of a degree less than allowed, for the rounding that is to come.
    reach = (known.TURN / corners - known.APART - 1) / 2
    return regular + leads.clamp(middle - reach, middle + reach)


def _smooth(angles: Tensor) -> tuple[Tensor, Tensor]:
    """Images n×784 in [0, 1] near those of `polygons.render`, and their slopes n×784×corners."""
    nudges = torch.cat([torch.zeros(1, angles.shape[1]), torch.eye(angles.shape[1])])
    drawn = _soft(angles[:, None] + nudges)
    return drawn[:, 0], (drawn[:, 1:] - drawn[:, :1]).transpose(1, 2)


def _soft(angles: Tensor) -> Tensor:
    """Of polygons with these angles …×V, the light in each pixel: …×784.

    A pixel is dark as far as the nearest edge, taken to be straight throughout the pixel, lets it.
    """
    turns = angles * (2 * math.pi / known.TURN)
    points = (known.SIZE * 3 / 8) * torch.stack([turns.cos(), turns.sin()], dim=-1)
    points = points - points.mean(dim=-2, keepdim=True)
    along = points.roll(-1, dims=-2) - points
    normals = torch.stack([-along[..., 1], along[..., 0]], dim=-1)
    # Of the width over which an edge crosses a pixel.
    normals = normals / normals.abs().sum(dim=-1, keepdim=True)
    offsets = (normals * points).sum(dim=-1)
    centres = torch.arange(known.SIZE) + 0.5 - known.SIZE / 2
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    depths = normals @ torch.stack([x.flatten(), y.flatten()]) - offsets[..., None]
    return 1 - (depths.amin(dim=-2) + 0.5).clamp(0, 1)
