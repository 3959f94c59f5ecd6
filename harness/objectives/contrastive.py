"""Losses that make codes of two views of one image alike."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def normalised_cross_entropy(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """The cross-entropy of finding the other view of each image among the 2N − 1 other codes, by
    cosines over `temperature` (NT-Xent: Chen et al. 2020, arXiv:2002.05709, equation 1).

    a and b are codes N×d of two views of the same images; 0-d.
    """
    n = len(a)
    codes = F.normalize(torch.cat([a, b]), dim=1)
    similarities = codes @ codes.T / temperature
    itself = torch.eye(2 * n, dtype=torch.bool, device=a.device)
    others = torch.arange(2 * n, device=a.device).roll(n)
    return F.cross_entropy(similarities.masked_fill(itself, float("-inf")), others)
