"""Sines and cosines of a network's inputs, so that it learns what changes over short distances."""

from __future__ import annotations

import math

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn

from harness.core.settings import Settings


class FourierSettings(Settings):
    """`count`: frequencies. `scale`: the standard deviation of each frequency, in periods a unit of
    the input.
    """

    count: PositiveInt = 64
    scale: PositiveFloat = 1.0


class FourierFeatures(nn.Module):
    """v N×D → N×(D + 2·count): v, and cos(2πBv) and sin(2πBv) beside it, with the frequencies B,
    count×D, drawn once from N(0, scale²) (Tancik et al. 2020, arXiv:2006.10739, section 6.1, with v
    itself kept).
    """

    frequencies: Tensor

    def __init__(self, values: int, settings: FourierSettings) -> None:
        super().__init__()
        self.features = values + 2 * settings.count
        frequencies = settings.scale * torch.randn(settings.count, values)
        self.register_buffer("frequencies", frequencies)

    def forward(self, v: Tensor) -> Tensor:
        """v N×D → N×features."""
        angles = 2 * math.pi * v @ self.frequencies.T
        return torch.cat([v, angles.cos(), angles.sin()], dim=1)
