"""Penalties on the slope of a discriminator, D.

Each takes D, which gives every image an output N×1 of its own, and images N×C×S×S; it gives a 0-d
tensor, the mean over the images, without a weight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Discriminator = Callable[[Tensor], Tensor]


def slopes(discriminator: Discriminator, x: Tensor) -> Tensor:
    """∇D at each image: N×(C·S·S)."""
    # Unlike autograd.grad this survives torch.compile, which knows no gradient of a gradient.
    gradient: Tensor = torch.func.grad(lambda images: discriminator(images).sum())(x)
    return gradient.flatten(1)


def gradient_penalty(
    discriminator: Discriminator, real: Tensor, fake: Tensor, mix: Tensor
) -> Tensor:
    """E (‖∇D(x̂)‖₂ − 1)² at x̂ = ε·x + (1 − ε)·x̃ (Gulrajani et al. 2017, arXiv:1704.00028,
    equation 3), with x `real`, x̃ `fake` and ε `mix`, N numbers in [0, 1).
    """
    share = mix[:, None, None, None]
    between = share * real + (1 - share) * fake
    norms: Tensor = slopes(discriminator, between).norm(dim=1)
    return (norms - 1).square().mean()


def r1(discriminator: Discriminator, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """½ E ‖∇D(x)‖₂² on real images (Mescheder et al. 2018, arXiv:1801.04406, equation 9)."""
    return slopes(discriminator, real).square().sum(dim=1).mean() / 2


def r2(discriminator: Discriminator, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """½ E ‖∇D(x̃)‖₂² on made images (Mescheder et al. 2018, arXiv:1801.04406, equation 10)."""
    return slopes(discriminator, fake).square().sum(dim=1).mean() / 2


PENALTIES: Mapping[str, Callable[[Discriminator, Tensor, Tensor, Tensor], Tensor]] = {
    "gradient": gradient_penalty,
    "r1": r1,
    "r2": r2,
}
"""By the `kind` that recipes give an entry of `penalties:`."""
