"""The training images of one step."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Training images with all that belongs to them, on one device."""

    x: Tensor
    """Images, float32 N×C×S×S in [-1, 1]."""
    labels: Tensor
    """Classes, int64 N."""
    source: Tensor | None = None
    """What `x` is to be made from, float32 N×C'×S×S in [-1, 1]; None where nothing is."""
    mask: Tensor | None = None
    """1 where the pixels of `source` are known, float32 N×1×S×S; None where that is not told."""
    words: Tensor | None = None
    """The word ids of each image's text (`data.hashed_words`), int64 N×L, 0 where it has ended."""
    tokens: Tensor | None = None
    """The ids of each image's text (`data.tokenizer`), int64 N×L, 0 where it has ended."""
