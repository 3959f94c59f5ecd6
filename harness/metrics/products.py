"""Matrix products, by the fastest routine of the machine that is exact enough."""

from __future__ import annotations

import torch
from torch import Tensor


def gram(x: Tensor) -> Tensor:
    """xᵀx of a matrix."""
    if x.is_cuda:
        return x.T @ x
    # NumPy multiplies a matrix with its own transpose by the symmetric routine: half the work.
    array = x.numpy()
    return torch.from_numpy(array.T @ array)


def block_dtype(device: torch.device) -> torch.dtype:
    """float32 where products of it are as exact as its rounding allows, else float64.

    On a GPU, and on a CPU set to it, a float32 product may be computed from operands of fewer
    digits, which no bound on rounding below would cover.
    """
    setting = torch.backends.mkldnn.matmul.fp32_precision  # type: ignore[attr-defined]
    exact = setting in ("none", "ieee")
    return torch.float32 if device.type == "cpu" and exact else torch.float64
