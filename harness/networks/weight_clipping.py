"""Weights that are held within a bound (Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

NEAR = 0.99
"""A weight counts as at the bound from this share of it on."""


@torch.no_grad()
def clip_weights(network: nn.Module, bound: float) -> Tensor:
    """Clips each parameter of the network to [−bound, bound] in place; the share of all of them
    that are at the bound then, a 0-d tensor in [0, 1].
    """
    parameters: list[Tensor] = [*network.parameters()]
    torch._foreach_clamp_min_(parameters, -bound)
    torch._foreach_clamp_max_(parameters, bound)
    at_bound = torch.stack([(p.abs() >= NEAR * bound).sum() for p in parameters]).sum()
    return at_bound / sum(p.numel() for p in parameters)
