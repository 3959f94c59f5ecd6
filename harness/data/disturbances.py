"""Known disturbances of real images, uint8 N×C×H×W: noise, blur, and fewer different images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor


def add_pixel_noise(images: Tensor, level: float, seed: int) -> Tensor:
    """The images with Gaussian noise of standard deviation `level` of the range of 255."""
    noise = 255 * level * np.random.RandomState(seed).standard_normal(images.shape)
    return _to_bytes(images.numpy() + noise)


def blur(images: Tensor, level: float) -> Tensor:
    """The images after a Gaussian blur of standard deviation `level` pixels."""
    return _to_bytes(gaussian_filter(images.double().numpy(), sigma=(0, 0, level, level)))


def repeat_few(images: Tensor, labels: Tensor, share: float) -> Tensor:
    """The images with only the first `share` of each class kept: these are repeated in turn in the
    places of the others of their class, so that no class changes in size.

    `labels` is int64 N; at least one image of each class is kept.
    """
    places = torch.arange(len(images))
    for label in torch.unique(labels):
        members = torch.where(labels == label)[0]
        kept = max(1, round(share * len(members)))
        places[members] = members[torch.arange(len(members)) % kept]
    return images[places]


def _to_bytes(values: npt.NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values.round().clip(0, 255).astype(np.uint8))
