"""Self-attention between all places of a feature map (Zhang et al. 2019, arXiv:1805.08318)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Features N×C×H×W → the same shape: equations 1 to 3, o = v(Σ β·h(x)) and y = γ·o + x.

    Keys and queries have an eighth of the channels, values a half. γ starts at 0, so that a network
    begins with its local features alone.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow, half = max(1, channels // 8), max(1, channels // 2)
        self.key = nn.Conv2d(channels, narrow, 1, bias=False)
        self.query = nn.Conv2d(channels, narrow, 1, bias=False)
        self.value = nn.Conv2d(channels, half, 1, bias=False)
        self.out = nn.Conv2d(half, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """x N×C×H×W → N×C×H×W."""
        keys, queries, values = (
            layer(x).flatten(2) for layer in (self.key, self.query, self.value)
        )
        shares = (queries.transpose(1, 2) @ keys).softmax(dim=2)  # N×(query's place)×(key's place)
        attended = (values @ shares.transpose(1, 2)).unflatten(2, x.shape[2:])
        out: Tensor = self.gamma * self.out(attended) + x
        return out
