"""Path length regularisation of a style-based generator (Karras et al. 2020, arXiv:1912.04958,
section 3.2).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def path_lengths(
    synthesise: Callable[[Tensor], Tensor], styles: Tensor, directions: Tensor
) -> Tensor:
    """‖J_wᵀy‖₂ of each image, N: the gradient of Σ g(w)·y for the styles w N×layers×latent, its
    squares summed over the numbers of a style and averaged over layers, as in the authors' program.

    `synthesise` makes images N×C×S×S of styles, each of its own; `directions`, y, have their shape.
    """
    slope = torch.func.grad(lambda w: (synthesise(w) * directions).sum())(styles)
    lengths: Tensor = slope.square().sum(dim=2).mean(dim=1).sqrt()
    return lengths


def path_length_penalty(lengths: Tensor, mean: Tensor) -> Tensor:
    """E (‖J_wᵀy‖₂ − a)² (equation 4), with a the moving `mean` of lengths, 0-d."""
    return (lengths - mean).square().mean()
