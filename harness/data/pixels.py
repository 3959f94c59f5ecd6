"""Between stored pixels (uint8, 0 to 255) and what networks take (float32, -1 to 1)."""

from __future__ import annotations

import torch


def to_float(images: torch.Tensor) -> torch.Tensor:
    """uint8 → float32 in [-1, 1]: u / 127.5 - 1, any shape."""
    # In place, since memory is what it waits for; `copy` because nothing may touch `images`.
    return images.to(torch.float32, copy=True).div_(127.5).sub_(1)


def to_uint8(x: torch.Tensor) -> torch.Tensor:
    """Float in [-1, 1] → uint8: rounded half to even, what lies outside clamped, any shape.

    The inverse of `to_float`. NaN has no pixel value (ValueError).
    """
    if torch.isnan(x).any():
        raise ValueError("an image has NaN where pixels should be")
    return ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
