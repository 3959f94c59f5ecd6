"""Filled holes: how far the fill is from the original, and whether its edge shows."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics.arrays import takes_arrays
from harness.metrics.averages import MeanOverImages
from harness.metrics.base import Metric, worse_with

__all__ = ["edge_jump", "hole_mse"]


@takes_arrays
def hole_mse(reconstructions: Tensor, originals: Tensor, known_pixels: Tensor) -> Tensor:
    """The mean squared error of the pixels of the hole alone, on the [0, 1] scale: n float64, of
    images uint8 n×C×H×W and known pixels bool n×H×W.
    """
    hole = _hole(reconstructions, originals, known_pixels)
    squares = (_levels(reconstructions) - _levels(originals)).square().mean(dim=1)
    return (squares * hole).flatten(1).sum(dim=1) / hole.flatten(1).sum(dim=1)


@takes_arrays
def edge_jump(reconstructions: Tensor, originals: Tensor, known_pixels: Tensor) -> Tensor:
    """By how much neighbours across the edge of the hole differ more than in the original: the mean
    over pairs of a known and an unknown pixel, one beside or below the other, of the absolute
    differences, less that of the original; n float64 on the [0, 1] scale, as `hole_mse` takes them.
    """
    hole = _hole(reconstructions, originals, known_pixels)
    made, true = (_levels(images) for images in (reconstructions, originals))
    total, pairs = torch.zeros(len(hole)).double(), torch.zeros(len(hole)).double()
    for axis in (-1, -2):
        crosses = hole.diff(dim=axis).abs()
        excess = made.diff(dim=axis).abs() - true.diff(dim=axis).abs()
        total += (excess.mean(dim=1) * crosses).flatten(1).sum(dim=1)
        pairs += crosses.flatten(1).sum(dim=1)
    return total / pairs


def _levels(images: Tensor) -> Tensor:
    """uint8 images on the [0, 1] scale, float64."""
    return images.double() / 255


def _hole(reconstructions: Tensor, originals: Tensor, known_pixels: Tensor) -> Tensor:
    """1 in the hole and 0 elsewhere, float64 n×H×W. Raises BadInput where shapes differ, or an
    image has no hole or is nothing else.
    """
    places = (len(originals), *originals.shape[2:])
    if reconstructions.shape != originals.shape or known_pixels.shape != places:
        raise BadInput("filled images, originals and known pixels are of one number and size")
    hole = (~known_pixels).double()
    shares = hole.flatten(1).mean(dim=1)
    if ((shares == 0) | (shares == 1)).any():
        raise BadInput("each image must have known pixels and a hole")
    return hole


HOLE_MSE = Metric(
    "hole_mse",
    MeanOverImages(hole_mse),
    "lower",
    "mean squared error in the hole",
    "",
    kind="reconstruction",
    scale="log",
    digits=5,
    of_pixels=True,
    range=(0.0, 1.0),
    fooled_by=worse_with("noise"),
)
EDGE_JUMP = Metric(
    "edge_jump",
    MeanOverImages(edge_jump),
    "nearer",
    "jump at the edge of the hole",
    "",
    kind="reconstruction",
    ideal=0.0,
    digits=4,
    of_pixels=True,
    range=(-1.0, 1.0),
)
