"""Matrix products, by the fastest routine of the machine that is exact enough."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import linear


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


TILE = 512
"""Rows of the squares in which products are computed: what a processor's cache holds."""


def tiles(x: Tensor) -> list[Tensor]:
    """The rows of n×d in parts of `TILE`, as `dot_products` takes them.

    On a CPU those of float32 are oneDNN's, whose products use the widest instructions of any
    processor; those of MKL, torch's own choice, do so on Intel's only, and take twice as long on
    others.
    """
    has_onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    onednn = has_onednn and x.dtype == torch.float32 and not x.is_cuda
    parts = torch.split(x, TILE)
    return [part.contiguous().to_mkldnn() for part in parts] if onednn else list(parts)


def dot_products(x: Tensor, y: Tensor, plus: Tensor) -> Tensor:
    """x yᵀ + `plus` (m) of two tiles n×d and m×d, summed in any order."""
    if x.is_mkldnn:
        return linear(x, y, plus.to_mkldnn()).to_dense()
    return torch.addmm(plus, x, y.T)
