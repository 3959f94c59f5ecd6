"""Losses of pixels and likelihoods of images, against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Laplace, Normal
from torch.nn import functional as F

from harness.objectives.reconstruction import (
    RECONSTRUCTION_LOSSES,
    bernoulli_log_likelihood,
    log_likelihood,
    perceptual_error,
    scaled_log_likelihood,
)


def pair(seed: int = 0) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(seed)
    x, made = torch.rand(2, 5, 3, 4, 4, dtype=torch.float64, generator=draws) * 2 - 1
    return x, made


def test_the_losses_are_likelihoods_but_for_constants() -> None:
    x, made = pair()
    values = {name: loss.compute(x, made) for name, loss in RECONSTRUCTION_LOSSES.items()}
    gaussian = -Normal(made, 0.5**0.5).log_prob(x).mean() + Normal(0.0, 0.5**0.5).log_prob(
        torch.zeros((), dtype=torch.float64)
    )
    torch.testing.assert_close(values["l2"], gaussian)
    laplace = -Laplace(made, 1.0).log_prob(x).mean() - torch.tensor(2.0).double().log()
    torch.testing.assert_close(values["l1"], laplace)
    white = (x > 0).double() * 2 - 1
    torch.testing.assert_close(
        RECONSTRUCTION_LOSSES["bce"].compute(white, made),
        -Bernoulli(logits=made).log_prob((white + 1) / 2).mean(),
    )


@pytest.mark.parametrize("name", RECONSTRUCTION_LOSSES)
def test_a_loss_is_least_where_the_image_is_the_original(name: str) -> None:
    x, _ = pair()
    loss = RECONSTRUCTION_LOSSES[name]
    best = 2 * x.atanh() if loss.of_logits else x
    best = best.clone().requires_grad_()
    slope = torch.autograd.grad(loss.compute(x, best), best)[0]
    assert slope.abs().max() < 1e-12
    others = best.detach() + 0.1 * pair(1)[0]
    assert loss.compute(x, others) > loss.compute(x, best)


def test_likelihoods_are_those_of_torch_distributions() -> None:
    x, made = pair()
    expected = Normal(made, 0.3).log_prob(x).flatten(1).sum(dim=1)
    torch.testing.assert_close(log_likelihood(x, made, 0.3), expected)
    log_sigma = torch.tensor(0.3, dtype=torch.float64).log()
    torch.testing.assert_close(scaled_log_likelihood(x, made, log_sigma), expected)
    white = (x > 0).double() * 2 - 1
    expected = Bernoulli(logits=made).log_prob((white + 1) / 2).flatten(1).sum(dim=1)
    torch.testing.assert_close(bernoulli_log_likelihood(white, made), expected)


def test_the_learned_width_is_best_at_the_root_of_the_squared_error() -> None:
    """∂/∂ log σ of the likelihood is 0 at σ² = E (x − x̂)² (Rybkin et al. 2021, equation 4)."""
    x, made = pair()
    best = ((x - made).square().mean().log() / 2).requires_grad_()
    slope = torch.autograd.grad(scaled_log_likelihood(x, made, best).sum(), best)[0]
    assert float(slope) == pytest.approx(0, abs=1e-9)


def test_perceptual_error_is_of_features_and_only_the_reconstruction_has_a_gradient() -> None:
    weight = torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0)).double()

    def features(x: Tensor) -> list[Tensor]:
        first = F.conv2d(x, weight)
        return [first, F.avg_pool2d(first, 2)]

    x, made = (each.requires_grad_() for each in pair())
    loss = perceptual_error(features, x, made)
    expected = torch.zeros((), dtype=torch.float64)
    for a, b in zip(features(x), features(made), strict=True):
        unit = a / a.norm(dim=1, keepdim=True) - b / b.norm(dim=1, keepdim=True)
        expected = expected + unit.square().sum(dim=1).mean()
    torch.testing.assert_close(loss, expected)
    slopes = torch.autograd.grad(loss, [x, made], allow_unused=True)
    assert slopes[0] is None
    assert slopes[1].abs().max() > 0
    assert float(perceptual_error(features, x, x.detach())) == 0
