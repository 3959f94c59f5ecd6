"""Whether samples keep what is known to hold of every image of a generated set."""

from __future__ import annotations

from torch import Tensor

from harness.metrics import motion, polygons, symmetry
from harness.metrics.base import Estimate, Metric


def _polygon_precision(polygon_samples: Tensor, polygon_corners: int) -> Estimate:
    return polygons.polygon_precision(polygon_samples, polygon_corners)


def _polygon_recall(reference_polygons: Tensor, polygon_samples: Tensor) -> Estimate:
    return polygons.polygon_recall(reference_polygons, polygon_samples)


def _symmetry_error(symmetric_samples: Tensor) -> Estimate:
    return symmetry.symmetry_error(symmetric_samples)


POLYGON_PRECISION = Metric(
    "polygon_precision", _polygon_precision, "higher", "share of samples that are polygons",
    "Lucic et al. 2018, arXiv:1711.10337",
    settings={"within": polygons.ON_MANIFOLD, "starts": polygons.STARTS}, of_pixels=True,
)  # fmt: skip
POLYGON_RECALL = Metric(
    "polygon_recall", _polygon_recall, "higher", "share of polygons that are reached",
    "Lucic et al. 2018, arXiv:1711.10337",
    settings={"within": polygons.REACHED}, of_pixels=True,
)  # fmt: skip
SYMMETRY_ERROR = Metric(
    "symmetry_error", _symmetry_error, "lower", "difference from the mirror image", "",
    scale="log", digits=5, of_pixels=True,
)  # fmt: skip
FRAME_CHANGE = Metric(
    "frame_change", motion.frame_change_distance, "lower",
    "distance of the changes between frames", "", scale="log", digits=5, of_pixels=True,
)  # fmt: skip

METRICS = (POLYGON_PRECISION, POLYGON_RECALL, SYMMETRY_ERROR, FRAME_CHANGE)
