"""Between stored images and what networks take, float32 from -1 to 1.

Stored images are pixels (uint8, 0 to 255) or real numbers (float32), such as points in the plane.
"""

from __future__ import annotations

import torch


def to_float(images: torch.Tensor) -> torch.Tensor:
    """uint8 → float32 in [-1, 1]: u / 127.5 - 1, any shape. Real numbers are left as they are."""
    if images.is_floating_point():
        return images
    # In place, since memory is what it waits for; uint8 is copied, so nothing touches `images`.
    return images.to(torch.float32).div_(127.5).sub_(1)


def to_uint8(x: torch.Tensor) -> torch.Tensor:
    """Float in [-1, 1] → uint8: rounded half to even, what lies outside clamped, any shape.

    The inverse of `to_float`. NaN has no pixel value (ValueError).
    """
    if torch.isnan(x).any():
        raise ValueError("an image has NaN where pixels should be")
    return ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def stored_as(dtype: torch.dtype, x: torch.Tensor) -> torch.Tensor:
    """What networks give, float in [-1, 1], as a dataset of `dtype` stores it: pixels, or the real
    numbers themselves, wherever they lie. NaN is neither (ValueError).
    """
    if dtype == torch.uint8:
        return to_uint8(x)
    if torch.isnan(x).any():
        raise ValueError("a sample has NaN where numbers should be")
    return x.to(dtype)
