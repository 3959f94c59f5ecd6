"""How a codebook of symbols is used, and the bits of an image's symbols as plain numbers."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric

__all__ = ["codebook_usage", "index_bits"]


@takes_arrays
def codebook_usage(code_symbols: Tensor, codebook_entries: int) -> Estimate:
    """The share of the `codebook_entries` that some image uses, from 0 to 1 (as "codebook usage" in
    Yu et al. 2022, arXiv:2110.04627, section 3.1).

    `code_symbols` int64 n×… from 0 to less than `codebook_entries`, a row of them an image. It has
    no standard error: it grows with the number of images. Raises BadInput for other symbols.
    """
    rows = _checked(code_symbols, codebook_entries)
    return Estimate(len(torch.unique(rows)) / codebook_entries)


@takes_arrays
def index_bits(code_symbols: Tensor, codebook_entries: int) -> Estimate:
    """The bits of an image's symbols where each is written as a number of its own: m log₂ K, of m
    symbols an image and K = `codebook_entries`. `code_symbols` and errors as for `codebook_usage`.
    """
    rows = _checked(code_symbols, codebook_entries)
    return checks.mean_over(
        torch.full((len(rows),), rows.shape[1] * math.log2(codebook_entries)).double(), "images"
    )


def _checked(code_symbols: Tensor, entries: int) -> Tensor:
    """The symbols, a row for each image."""
    if code_symbols.dtype != torch.int64 or code_symbols.ndim < 2 or code_symbols.numel() == 0:
        form = f"{code_symbols.dtype} of shape {tuple(code_symbols.shape)}"
        raise BadInput(f"symbols are {form}; int64, a row an image, are needed")
    low, high = (int(extreme) for extreme in code_symbols.aminmax())
    if low < 0 or high >= entries:
        raise BadInput(
            f"symbols are {low} to {high}; a codebook of {entries} has 0 to {entries - 1}"
        )
    return code_symbols.flatten(1)


CODEBOOK_USAGE = Metric(
    "codebook_usage",
    codebook_usage,
    "higher",
    "share of the codebook in use",
    "Yu et al. 2022, arXiv:2110.04627",
    kind="representation",
    range=(0.0, 1.0),
)
INDEX_BITS = Metric(
    "index_bits",
    index_bits,
    "lower",
    "bits of an image's symbols",
    "van den Oord et al. 2017, arXiv:1711.00937",
    kind="likelihood",
    scale="log",
    unit="bits",
    digits=0,
    range=(0.0, None),
    of_recipe=True,
)
