"""Adversarial losses: what a discriminator minimises, and what a generator does.

Each takes the discriminator's raw outputs, of any shape, and gives a 0-d tensor: a mean over all of
them. D(x) is the output for an image x, G(z) an image that is made, and σ the logistic function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

OutputMeaning = Literal["log odds", "value", "score"]
"""What a discriminator's output says of an image: the log odds that it is real; a critic's value,
whose mean difference between real and made images estimates a distance; or a score alone."""


@dataclass(frozen=True)
class AdversarialLoss:
    """The two sides of one game."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    """From the outputs on real images and on made ones."""
    generator: Callable[..., Tensor]
    """From the outputs on made images; on real images and on made ones where it is `relative`."""
    output: OutputMeaning
    """What the discriminator's output means where it plays best."""
    relative: bool = False
    """Whether the generator's side compares made images with real ones."""


def _logistic(on_real: Tensor, on_fake: Tensor) -> Tensor:
    """−E log σ(D(x)) − E log(1 − σ(D(G(z))))."""
    return F.softplus(-on_real).mean() + F.softplus(on_fake).mean()


def _smoothed_logistic(on_real: Tensor, on_fake: Tensor, *, real: float, fake: float) -> Tensor:
    """The cross-entropy of labels 1 − `real` and `fake` in place of 1 and 0."""
    real_side = (1 - real) * F.softplus(-on_real) + real * F.softplus(on_real)
    fake_side = (1 - fake) * F.softplus(on_fake) + fake * F.softplus(-on_fake)
    return real_side.mean() + fake_side.mean()


def _non_saturating(on_fake: Tensor) -> Tensor:
    """−E log σ(D(G(z)))."""
    return F.softplus(-on_fake).mean()


def _saturating(on_fake: Tensor) -> Tensor:
    """E log(1 − σ(D(G(z))))."""
    return -F.softplus(on_fake).mean()


def _wasserstein(on_real: Tensor, on_fake: Tensor) -> Tensor:
    """E D(G(z)) − E D(x)."""
    return on_fake.mean() - on_real.mean()


def _hinge(on_real: Tensor, on_fake: Tensor) -> Tensor:
    """E max(0, 1 − D(x)) + E max(0, 1 + D(G(z)))."""
    return F.relu(1 - on_real).mean() + F.relu(1 + on_fake).mean()


def _linear(on_fake: Tensor) -> Tensor:
    """−E D(G(z))."""
    return -on_fake.mean()


def _squares(on_real: Tensor, on_fake: Tensor) -> Tensor:
    """½ E (D(x) − 1)² + ½ E D(G(z))²."""
    return (on_real - 1).square().mean() / 2 + on_fake.square().mean() / 2


def _square(on_fake: Tensor) -> Tensor:
    """½ E (D(G(z)) − 1)²."""
    return (on_fake - 1).square().mean() / 2


def _relative_average(on_real: Tensor, on_fake: Tensor) -> Tensor:
    """−E log σ(D(x) − E D(G(z))) − E log(1 − σ(D(G(z)) − E D(x)))."""
    return _logistic(on_real - on_fake.mean(), on_fake - on_real.mean())


def _relative_average_of_the_generator(on_real: Tensor, on_fake: Tensor) -> Tensor:
    """The same with real and made images in each other's place."""
    return _relative_average(on_fake, on_real)


ADVERSARIAL_LOSSES = {
    # Goodfellow et al. 2014, arXiv:1406.2661: equation 1, and section 3 for the generator's.
    "non-saturating": AdversarialLoss(_logistic, _non_saturating, "log odds"),
    "minimax": AdversarialLoss(_logistic, _saturating, "log odds"),
    # Arjovsky et al. 2017, arXiv:1701.07875, equation 2; the critic must be Lipschitz.
    "wasserstein": AdversarialLoss(_wasserstein, _linear, "value"),
    # Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957, equations 16 and 17.
    "hinge": AdversarialLoss(_hinge, _linear, "score"),
    # Mao et al. 2017, arXiv:1611.04076, equation 9.
    "least-squares": AdversarialLoss(_squares, _square, "score"),
    # Jolicoeur-Martineau 2019, arXiv:1807.00734 (RaSGAN).
    "relativistic-average": AdversarialLoss(
        _relative_average, _relative_average_of_the_generator, "score", relative=True
    ),
}
"""By the name that recipes give it as `loss:`."""


def gradient_balance(error: Tensor, game: Tensor, weights: Tensor) -> Tensor:
    """‖∇error‖ / (‖∇game‖ + 10⁻⁶) by the `weights` of one layer, at most 10⁴: the weight at which a
    game counts as much there as an error does. Both are 0-d, and so is it, without a gradient
    (Esser et al. 2021, arXiv:2012.09841, equation 7; bounded as in the authors' code).
    """
    slopes = (torch.autograd.grad(x, weights, retain_graph=True)[0] for x in (error, game))
    of_error, of_game = (slope.norm() for slope in slopes)
    balance: Tensor = of_error / (of_game + 1e-6)
    return balance.clamp(max=1e4).detach()


def with_smoothed_labels(loss: AdversarialLoss, real: float, fake: float) -> AdversarialLoss:
    """`loss`, whose output is log odds, with labels 1 − `real` of real images and `fake` of made
    ones for its discriminator, which then plays best at D* = ((1 − real)·p + fake·q) / (p + q)
    (Salimans et al. 2016, arXiv:1606.03498, section 3.4). The loss itself where both are 0.
    """
    if not (real or fake):
        return loss
    return replace(loss, discriminator=partial(_smoothed_logistic, real=real, fake=fake))
