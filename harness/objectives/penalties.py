"""Penalties on the slope of a discriminator, D.

Each takes D, which gives every image an output N×1 of its own, images N×C×S×S, real and made, and
noise; it gives a 0-d tensor, the mean over the images, without a weight. The noise is `mix`, N
numbers in [0, 1), and where a penalty `perturbs` also `perturbation`, N×C×S×S numbers in [0, 1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

Discriminator = Callable[[Tensor], Tensor]
SlopeNoise = Mapping[str, Tensor]


@dataclass(frozen=True)
class SlopePenalty:
    """A penalty's function, and whether it takes images that are `perturbation`s of real ones."""

    compute: Callable[[Discriminator, Tensor, Tensor, SlopeNoise], Tensor]
    perturbs: bool = False


def slopes(discriminator: Discriminator, x: Tensor) -> Tensor:
    """∇D at each image: N×(C·S·S)."""
    # Unlike autograd.grad this survives torch.compile, which knows no gradient of a gradient.
    gradient: Tensor = torch.func.grad(lambda images: discriminator(images).sum())(x)
    return gradient.flatten(1)


def gradient_penalty(
    discriminator: Discriminator, real: Tensor, fake: Tensor, noise: SlopeNoise
) -> Tensor:
    """E (‖∇D(x̂)‖₂ − 1)² at x̂ = ε·x + (1 − ε)·x̃ (Gulrajani et al. 2017, arXiv:1704.00028,
    equation 3), with x `real`, x̃ `fake` and ε `mix`.
    """
    norms = _norms(discriminator, _between(real, fake, noise["mix"]))
    return (norms - 1).square().mean()


def lipschitz_penalty(
    discriminator: Discriminator, real: Tensor, fake: Tensor, noise: SlopeNoise
) -> Tensor:
    """E max(0, ‖∇D(x̂)‖₂ − 1)² at the x̂ of the gradient penalty: slopes below 1 are free (Petzka et
    al. 2018, arXiv:1709.08894, WGAN-LP).
    """
    norms = _norms(discriminator, _between(real, fake, noise["mix"]))
    return (norms - 1).relu().square().mean()


def dragan(discriminator: Discriminator, real: Tensor, fake: Tensor, noise: SlopeNoise) -> Tensor:
    """E (‖∇D(x + δ)‖₂ − 1)² around real images (Kodali et al. 2017, arXiv:1705.07215),
    with δ = ½·s·u, s the standard deviation of the batch's values and u the `perturbation`, as in
    the authors' program.
    """
    around = real + real.std() / 2 * noise["perturbation"]
    return (_norms(discriminator, around) - 1).square().mean()


def r1(discriminator: Discriminator, real: Tensor, fake: Tensor, noise: SlopeNoise) -> Tensor:
    """½ E ‖∇D(x)‖₂² on real images (Mescheder et al. 2018, arXiv:1801.04406, equation 9)."""
    return slopes(discriminator, real).square().sum(dim=1).mean() / 2


def r2(discriminator: Discriminator, real: Tensor, fake: Tensor, noise: SlopeNoise) -> Tensor:
    """½ E ‖∇D(x̃)‖₂² on made images (Mescheder et al. 2018, arXiv:1801.04406, equation 10)."""
    return slopes(discriminator, fake).square().sum(dim=1).mean() / 2


PENALTIES: Mapping[str, SlopePenalty] = {
    "gradient": SlopePenalty(gradient_penalty),
    "lipschitz": SlopePenalty(lipschitz_penalty),
    "dragan": SlopePenalty(dragan, perturbs=True),
    "r1": SlopePenalty(r1),
    "r2": SlopePenalty(r2),
}
"""By the `kind` that recipes give an entry of `penalties:`."""


def _between(real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    share = mix[:, None, None, None]
    return share * real + (1 - share) * fake


def _norms(discriminator: Discriminator, x: Tensor) -> Tensor:
    norms: Tensor = slopes(discriminator, x).norm(dim=1)
    return norms
