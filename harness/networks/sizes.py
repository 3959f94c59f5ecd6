"""Which image sizes the networks take, and how far they shrink them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.core.errors import BadInput


def check_image_size(size: int) -> None:
    """BadInput unless `size` pixels a side is a multiple of 4, from 8 up."""
    if size == 1:
        raise BadInput("convolutions take no single points; take the recipe of an MLP: vae/mlp")
    if size < 8 or size % 4:
        near = max(8, round(size / 4) * 4)
        raise BadInput(
            f"images of {size}×{size} pixels: the built-in networks take multiples of 4 from 8 up;"
            f" resize them to {near}×{near}"
        )


def pyramid(size: int) -> tuple[int, ...]:
    """The resolutions from `size` down, halved while the result is whole and at least 4.

    >>> pyramid(32), pyramid(28)
    ((32, 16, 8, 4), (28, 14, 7))
    """
    check_image_size(size)
    sizes = [size]
    while sizes[-1] % 2 == 0 and sizes[-1] >= 8:
        sizes.append(sizes[-1] // 2)
    return tuple(sizes)


def double(x: Tensor) -> Tensor:
    """Maps N×C×H×W of twice the size, each value four times, by copies."""
    n, channels, height, width = x.shape
    doubled = x[:, :, :, None, :, None].expand(-1, -1, -1, 2, -1, 2)
    return doubled.reshape(n, channels, 2 * height, 2 * width)


def enlarge_map(values: Tensor, size: torch.Size) -> Tensor:
    """Maps N×h×w at another size H×W, bilinearly."""
    enlarged = F.interpolate(values[:, None], size=size, mode="bilinear", align_corners=False)
    return enlarged[:, 0]
