"""Test images, and what a model makes of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from harness.data.pixels import to_float
from harness.evaluation.evidence import Evidence
from harness.evaluation.kinds import kind

BATCH = 250
"""Images passed through a model at a time where batches do not change the result."""


@kind("reconstructions")
def originals(e: Evidence) -> Tensor:
    """The test images that are reconstructed."""
    images: Tensor = e["reference_images"]
    return images


@kind("reconstructions")
def reconstructions(e: Evidence) -> Tensor:
    """The model's reconstructions of `originals`."""
    return mapped(e, e["originals"], lambda x: e.stored(e.model.reconstruct(x)))


@kind("reconstructions", role="perceptual")
def perceptual_distances(e: Evidence) -> Tensor:
    """How different each reconstruction looks from its original."""
    return e.perceptual().distance(e["originals"], e["reconstructions"])


def mapped(e: Evidence, images: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """`function` of stored images as floats in [-1, 1] on the model's device, batch by batch."""
    with torch.inference_mode():
        batches = [to_float(part.to(e.device)) for part in torch.split(images, BATCH)]
        return torch.cat([function(x).cpu() for x in batches])
