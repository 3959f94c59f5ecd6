"""Penalties on codes and divergences from the prior, against closed forms and autograd."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, MultivariateNormal, Normal, kl_divergence

from harness.networks.mlp import MLPEncoder
from harness.objectives.codes import (
    CODE_PENALTIES,
    DIVERGENCES,
    CodeInputs,
    PosteriorInputs,
    decompose_kl,
    gaussian_kl,
    jacobian_norms,
    kernel_discrepancy,
    probed_jacobian_norms,
    rate_divergence,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=seeded(seed))


def encoder() -> MLPEncoder:
    torch.manual_seed(0)
    return MLPEncoder(1, 4, 7, 5, nn.Tanh(), 2).double()


def test_the_jacobians_norm_is_that_of_autograds_full_jacobian() -> None:
    net, x = encoder(), normal(6, 1, 4, 4)
    for image, norm in zip(x, jacobian_norms(net, x), strict=True):
        jacobian = torch.autograd.functional.jacobian(net, image[None])
        torch.testing.assert_close(norm, jacobian.square().sum())


def test_of_one_sigmoid_layer_the_norm_is_the_papers_closed_form() -> None:
    """Σ_j (h_j (1 − h_j))² Σ_i W_ji² (Rifai et al. 2011, section 3)."""
    torch.manual_seed(0)
    layer, x = nn.Linear(16, 5).double(), normal(6, 1, 4, 4)
    net = nn.Sequential(nn.Flatten(), layer, nn.Sigmoid())
    h = net(x)
    expected = (h * (1 - h)).square() @ layer.weight.square().sum(dim=1)
    torch.testing.assert_close(jacobian_norms(net, x), expected)


def test_the_norms_gradient_is_that_of_finite_differences() -> None:
    net, x = encoder(), normal(3, 1, 4, 4)
    weight = net.body[0].weight
    slope = torch.autograd.grad(jacobian_norms(net, x).mean(), weight)[0]
    for place in ((0, 0), (3, 7), (6, 15)):
        values = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                weight[place] += step
                values.append(float(jacobian_norms(net, x).mean()))
                weight[place] -= step
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(float(slope[place]), rel=1e-6)


def test_probes_estimate_the_norm_without_bias() -> None:
    net, x = encoder(), normal(1, 1, 4, 4)
    exact = float(jacobian_norms(net, x).detach())
    many = x.expand(20_000, 1, 4, 4)
    draws = probed_jacobian_norms(net, many, normal(20_000, 5, seed=1)).detach()
    error = float(draws.std()) / math.sqrt(len(draws))
    assert abs(float(draws.mean()) - exact) < 4 * error
    assert error < 0.02 * exact


def test_rates_are_compared_with_the_target_as_bernoulli_variables() -> None:
    codes = normal(50, 7).sigmoid()
    expected = kl_divergence(Bernoulli(0.05), Bernoulli(codes.mean(dim=0))).sum()
    torch.testing.assert_close(rate_divergence(codes, 0.05), expected)
    assert float(rate_divergence(torch.full((9, 3), 0.05), 0.05)) == pytest.approx(0, abs=1e-6)
    assert math.isfinite(rate_divergence(torch.zeros(9, 3), 0.05))


def test_the_rate_penalty_holds_units_to_its_target() -> None:
    odds = normal(64, 10).requires_grad_()
    optimizer = torch.optim.Adam([odds], 0.1)
    for _ in range(300):
        optimizer.zero_grad()
        rate_divergence(odds.sigmoid(), 0.1).backward()
        optimizer.step()
    assert (odds.sigmoid().mean(dim=0) - 0.1).abs().max() < 0.005


def test_the_discrepancy_is_the_sum_over_pairs_and_unbiased() -> None:
    a, b = normal(6, 2), normal(6, 2, seed=1) + 1

    def kernel(p: Tensor, q: Tensor) -> float:
        squared = float((p - q).square().sum())
        return sum(4 * s / (4 * s + squared) for s in (0.1, 0.2, 0.5, 1, 2, 5, 10))

    pairs = [(i, j) for i in range(6) for j in range(6)]
    within = sum(kernel(a[i], a[j]) + kernel(b[i], b[j]) for i, j in pairs if i != j) / 30
    between = sum(kernel(a[i], b[j]) for i, j in pairs) / 36
    assert float(kernel_discrepancy(a, b)) == pytest.approx(within - 2 * between)
    same = torch.stack([kernel_discrepancy(*normal(2, 16, 2, seed=s)) for s in range(400)])
    assert abs(float(same.mean())) < 4 * float(same.std()) / 20


def test_every_penalty_is_a_finite_number_with_a_gradient() -> None:
    net, x = encoder(), normal(6, 1, 4, 4)
    for kind, penalty in CODE_PENALTIES.items():

        def codes(x: Tensor) -> Tensor:
            return net(x).sigmoid()

        inputs = CodeInputs(codes, x, codes(x), normal(6, 5, seed=2), 0.05)
        value = penalty.compute(inputs)
        assert value.shape == (), kind
        slope = torch.autograd.grad(value, net.body[0].weight)[0]
        assert slope.isfinite().all(), kind
        assert slope.abs().max() > 0, kind


@pytest.mark.parametrize("kind", CODE_PENALTIES)
def test_a_penalty_says_whether_it_takes_the_encoder_the_target_and_the_prior(kind: str) -> None:
    penalty, codes = CODE_PENALTIES[kind], normal(6, 5).sigmoid()
    calls: list[Tensor] = []

    def encode(x: Tensor) -> Tensor:
        calls.append(x)
        return x.flatten(1)[:, :5]

    def value(target: float, seed: int) -> float:
        inputs = CodeInputs(encode, normal(6, 1, 4, 4), codes, normal(6, 5, seed=seed), target)
        return float(penalty.compute(inputs))

    plain, other_target, other_draws = value(0.05, 2), value(0.1, 2), value(0.05, 3)
    assert penalty.each_alone == bool(calls)
    assert penalty.of_rates == (plain != other_target)
    assert penalty.of_prior == (plain != other_draws and not calls)


def posterior(n: int = 8, d: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    mean, logvar = normal(n, d), 0.3 * normal(n, d, seed=1) - 1
    return mean, logvar, mean + (logvar / 2).exp() * normal(n, d, seed=2)


def divergence(kind: str, weight: float, amount: float = 0.0, progress: float = 0.0) -> Tensor:
    at = torch.tensor(progress, dtype=torch.float64)
    return DIVERGENCES[kind].compute(PosteriorInputs(*posterior(), weight, amount, at))


def test_divergences_are_what_their_papers_say() -> None:
    mean, logvar, _ = posterior()
    units = kl_divergence(Normal(mean, (logvar / 2).exp()), Normal(0.0, 1.0))
    kl = units.sum(dim=1).mean()
    torch.testing.assert_close(divergence("weighted", 4), 4 * kl)
    torch.testing.assert_close(divergence("annealed", 2, 0.25, 0.1), 2 * kl * 0.4)
    torch.testing.assert_close(divergence("annealed", 2, 0.25, 0.7), 2 * kl)
    torch.testing.assert_close(divergence("capacity", 10, 25, 0.5), 10 * (kl - 12.5).abs())
    torch.testing.assert_close(
        divergence("free-bits", 2, 1.2), 2 * units.mean(dim=0).clamp(min=1.2).sum()
    )


@pytest.mark.parametrize("kind", DIVERGENCES)
def test_a_divergence_says_whether_it_changes_with_progress(kind: str) -> None:
    early, late = (divergence(kind, 2, 0.5, progress) for progress in (0.1, 0.4))
    assert DIVERGENCES[kind].reads_progress == (not torch.equal(early, late))


def test_at_weight_one_the_decomposed_divergence_is_the_whole() -> None:
    mean, logvar, z = posterior()
    log_ratio = Normal(mean, (logvar / 2).exp()).log_prob(z) - Normal(0.0, 1.0).log_prob(z)
    torch.testing.assert_close(divergence("total-correlation", 1), log_ratio.sum(dim=1).mean())


def test_the_three_parts_add_up_to_the_kl_in_expectation() -> None:
    mean, logvar = normal(1, 3), 0.3 * normal(1, 3, seed=1) - 1
    means, logvars = mean.expand(20_000, 3), logvar.expand(20_000, 3)
    z = means + (logvars / 2).exp() * normal(20_000, 3, seed=2)
    batches = zip(z.split(50), means.split(50), logvars.split(50), strict=True)
    sums = torch.stack([torch.stack(decompose_kl(*batch)).sum() for batch in batches])
    exact = float(gaussian_kl(mean, logvar))
    assert abs(float(sums.mean()) - exact) < 4 * float(sums.std()) / math.sqrt(len(sums))


def test_total_correlation_is_that_of_a_known_gaussian() -> None:
    """Codes with hardly any noise about correlated means: q(z) is the means' Gaussian, widened."""
    covariance = torch.tensor([[1.0, 0.8], [0.8, 1.0]], dtype=torch.float64)
    n, noise = 3000, 0.3
    mean = MultivariateNormal(torch.zeros(2).double(), covariance).scale_tril
    mean = normal(n, 2) @ mean.T
    logvar = torch.full((n, 2), math.log(noise), dtype=torch.float64)
    z = mean + noise**0.5 * normal(n, 2, seed=1)
    wide = covariance + noise * torch.eye(2)
    exact = float((wide.diagonal().log().sum() - wide.logdet()) / 2)
    _, correlation, _ = decompose_kl(z, mean, logvar)
    # The estimate sums over the batch in place of all images: constants of log n are left.
    assert float(correlation) == pytest.approx(exact, abs=0.05)
