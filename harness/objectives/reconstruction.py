"""How far images are from what a decoder makes of them: losses of pixels, and likelihoods.

Images are float N×C×S×S in [-1, 1]. A loss is a mean over all values, 0-d. A likelihood is of whole
images, N log densities in nats: log p(x | z), with x as it is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


def squared_error(x: Tensor, rebuilt: Tensor) -> Tensor:
    """E (x̂ − x)²: minus the log likelihood of a Gaussian of fixed width, but for constants."""
    return (rebuilt - x).square().mean()


def absolute_error(x: Tensor, rebuilt: Tensor) -> Tensor:
    """E |x̂ − x|: the same of a Laplace distribution, which outliers pull less (Barron 2019,
    arXiv:1701.03077).
    """
    return (rebuilt - x).abs().mean()


def cross_entropy(x: Tensor, logits: Tensor) -> Tensor:
    """−E [u·log σ(a) + (1 − u)·log(1 − σ(a))] with u = (x + 1) / 2 in [0, 1] and log odds a
    (Vincent et al. 2010, JMLR 11:3371, section 2.2).
    """
    return F.binary_cross_entropy_with_logits(logits, (x + 1) / 2)


@dataclass(frozen=True)
class ReconstructionLoss:
    """A loss of originals and of what the decoder put out for them.

    With `of_logits` it takes the log odds that a value is 1 and not −1 instead of images, and needs
    originals in [-1, 1].
    """

    compute: Callable[[Tensor, Tensor], Tensor]
    of_logits: bool = False


RECONSTRUCTION_LOSSES: Mapping[str, ReconstructionLoss] = {
    "l2": ReconstructionLoss(squared_error),
    "l1": ReconstructionLoss(absolute_error),
    "bce": ReconstructionLoss(cross_entropy, of_logits=True),
}
"""By the name that recipes give it as `loss:`."""

IMAGE_LOSSES = {name: loss for name, loss in RECONSTRUCTION_LOSSES.items() if not loss.of_logits}
"""Those that compare images."""

Features = Callable[[Tensor], list[Tensor]]
"""Images N×C×S×S in [-1, 1] → feature maps N×C'×H×W of several layers."""


def perceptual_error(features: Features, x: Tensor, rebuilt: Tensor) -> Tensor:
    """Σ over layers of E ‖φ̂(x̂) − φ̂(x)‖², with φ̂ the features at each position, scaled to unit
    length (Johnson et al. 2016, arXiv:1603.08155, equation 2; scaled as in Zhang et al. 2018,
    arXiv:1801.03924, equation 1).
    """
    with torch.no_grad():
        targets = [F.normalize(layer, dim=1) for layer in features(x)]
    layers = [F.normalize(layer, dim=1) for layer in features(rebuilt)]
    errors = [(a - b).square().sum(dim=1).mean() for a, b in zip(layers, targets, strict=True)]
    return torch.stack(errors).sum()


HOLE_WEIGHT = 6.0
"""Of hidden pixels beside known ones (Liu et al. 2018, arXiv:1804.07723, equation 7)."""


def hole_weighted_error(x: Tensor, filled: Tensor, known: Tensor) -> Tensor:
    """E |x̂ − x| over known values plus `HOLE_WEIGHT` times the same over hidden ones, both divided
    by the number of all (Liu et al. 2018, section 3.3, L_valid and L_hole). `known` N×1×S×S is 1
    where pixels are known and 0 where they are hidden.
    """
    weights = known + HOLE_WEIGHT * (1 - known)
    return ((filled - x).abs() * weights).mean()


def log_likelihood(x: Tensor, mean: Tensor, sigma: float) -> Tensor:
    """log N(x; mean, sigma²) in nats, summed over all but the first dimension."""
    error = (x - mean).square().flatten(1)
    constant = math.log(sigma) + 0.5 * math.log(2 * math.pi)
    return -error.sum(dim=1) / (2 * sigma**2) - error.shape[1] * constant


def scaled_log_likelihood(x: Tensor, mean: Tensor, log_sigma: Tensor) -> Tensor:
    """The same with log σ as a 0-d tensor that is learnt: one width for all pixels (Rybkin et al.
    2021, arXiv:2006.13202, equation 3).
    """
    error = (x - mean).square().flatten(1)
    constant = log_sigma + 0.5 * math.log(2 * math.pi)
    return -error.sum(dim=1) / (2 * (2 * log_sigma).exp()) - error.shape[1] * constant


def bernoulli_log_likelihood(x: Tensor, logits: Tensor) -> Tensor:
    """log p(x) in nats of x N×C×S×S in [-1, 1], where (x + 1) / 2 is 1 with the log odds `logits`;
    summed over all but the first dimension (Kingma & Welling 2014, arXiv:1312.6114, appendix C.1).
    """
    losses = F.binary_cross_entropy_with_logits(logits, (x + 1) / 2, reduction="none")
    return -losses.flatten(1).sum(dim=1)
