"""Targets, schedules and weightings against the papers' formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from harness.objectives.denoising import (
    SCHEDULES,
    TARGETS,
    WEIGHTINGS,
    ForwardProcess,
    NoiseLevel,
    add_noise,
    alpha_bar,
    network_denoiser,
    target_weights,
    weighted_error,
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


X0, EPSILON = drawn(6, 2, 4, 4), drawn(6, 2, 4, 4, seed=1)


def levels(schedule: str = "cosine") -> NoiseLevel:
    """Six levels from the first timestep to nearly the last, in float64."""
    t = torch.tensor([0, 100, 300, 500, 700, 950])
    left = alpha_bar(schedule, 1000)[t][:, None, None, None]
    return NoiseLevel(t, left.sqrt(), (1 - left).sqrt())


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("timesteps", [20, 1000])
def test_a_schedule_falls_from_image_to_noise(schedule: str, timesteps: int) -> None:
    left = alpha_bar(schedule, timesteps)
    assert left.shape == (timesteps,)
    assert (left.diff() < 0).all()
    assert left[0] > 0.99 or timesteps < 1000
    assert 0 < left[-1] < 1e-3


def test_the_linear_schedule_is_that_of_the_paper() -> None:
    left = alpha_bar("linear", 1000)
    assert left[0].item() == pytest.approx(1 - 1e-4)
    beta = 1 - left[1:] / left[:-1]
    assert beta[-1].item() == pytest.approx(0.02)
    torch.testing.assert_close(beta.diff(), torch.full((998,), 0.0199 / 999, dtype=torch.float64))


def test_the_cosine_schedule_is_that_of_the_paper() -> None:
    """ᾱ_t = f(t)/f(0), f(t) = cos²((t/T + s)/(1 + s)·π/2), s = 0.008, where β is below 0.999."""
    left = alpha_bar("cosine", 1000)
    for t in (1, 250, 500, 900):
        f = [math.cos((share + 0.008) / 1.008 * math.pi / 2) ** 2 for share in (t / 1000, 0)]
        assert left[t - 1].item() == pytest.approx(f[0] / f[1])
    assert (1 - left[-1] / left[-2]).item() == pytest.approx(0.999)


def test_the_sigmoid_schedule_is_that_of_the_paper() -> None:
    """γ(t) = (σ(3) − σ(6t − 3))/(σ(3) − σ(−3)): 1 at 0, one half at one half, 0 at 1."""
    left = alpha_bar("sigmoid", 1000)
    logistic = [1 / (1 + math.exp(-value)) for value in (3, 6 * 0.25 - 3, -3)]
    expected = (logistic[0] - logistic[1]) / (logistic[0] - logistic[2])
    assert left[249].item() == pytest.approx(expected)
    assert left[499].item() == pytest.approx(0.5)
    assert left[-2].item() == pytest.approx(0, abs=1e-3)
    assert (1 - left[-1] / left[-2]).item() == pytest.approx(0.999)


@pytest.mark.parametrize("name", TARGETS)
def test_image_and_noise_come_back_from_each_target(name: str) -> None:
    level, target = levels(), TARGETS[name]
    x, value = add_noise(X0, EPSILON, level), target.value(X0, EPSILON, level)
    for found, expected in ((target.x0, X0), (target.epsilon, EPSILON)):
        # At the ends a division by signal or noise magnifies rounding.
        inside = slice(1, 5)
        torch.testing.assert_close(
            found(value, x, level)[inside], expected[inside], rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("other", TARGETS)
@pytest.mark.parametrize("name", TARGETS)
def test_targets_interconvert(name: str, other: str) -> None:
    """Any network's output, as another target, denoises to the same."""
    level = NoiseLevel(*(part[1:5] for part in levels()))
    x, out, target = drawn(4, 2, 4, 4, seed=2), drawn(4, 2, 4, 4, seed=3), TARGETS[name]
    x0, epsilon = target.x0(out, x, level), target.epsilon(out, x, level)
    torch.testing.assert_close(add_noise(x0, epsilon, level), x, rtol=0, atol=1e-12)
    same = TARGETS[other].value(x0, epsilon, level)
    torch.testing.assert_close(TARGETS[other].x0(same, x, level), x0, rtol=0, atol=1e-11)
    torch.testing.assert_close(TARGETS[other].epsilon(same, x, level), epsilon, rtol=0, atol=1e-11)
    back = target.value(x0, epsilon, level)
    torch.testing.assert_close(back, out, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    ("name", "weight"), [("epsilon", lambda r: r), ("x0", lambda r: 1), ("v", lambda r: r + 1)]
)
def test_unweighted_losses_are_those_of_x0_under_snr_1_and_snr_plus_1(name: str, weight) -> None:
    """Loss and gradient with respect to the image that the network implies."""
    level, target = levels(), TARGETS[name]
    snr = (level.signal / level.noise).square()
    x = add_noise(X0, EPSILON, level)
    image = drawn(6, 2, 4, 4, seed=4).requires_grad_()
    epsilon = (x - level.signal * image) / level.noise
    output = target.value(image, epsilon, level)
    loss = weighted_error(output, target.value(X0, EPSILON, level), None)
    expected = (weight(snr) * (image - X0).square()).mean()
    torch.testing.assert_close(loss, expected)
    gradients = [torch.autograd.grad(side, image)[0] for side in (loss, expected)]
    torch.testing.assert_close(*gradients)
    torch.testing.assert_close(target.x0_weight(snr), weight(snr) * torch.ones_like(snr))


def x0_weights(name: str, alpha_bar: Tensor) -> Tensor:
    """A weighting's weights of the error of x₀."""
    weights = target_weights(name, TARGETS["x0"], alpha_bar)
    assert weights is not None
    return weights


def test_weightings_are_the_papers_formulas() -> None:
    left = alpha_bar("linear", 1000)
    snr = left / (1 - left)
    torch.testing.assert_close(x0_weights("snr", left), snr)
    torch.testing.assert_close(x0_weights("min-snr", left), snr.minimum(torch.tensor(5.0).double()))
    torch.testing.assert_close(x0_weights("p2", left), snr / (1 + snr))
    alpha = left[1:] / left[:-1]
    of_epsilon = (1 - alpha) ** 2 / (2 * (1 - alpha) * alpha * (1 - left[1:]))
    weights = target_weights("vlb", TARGETS["epsilon"], left)
    assert weights is not None
    torch.testing.assert_close(weights[1:], 1000 * of_epsilon)


def test_the_bound_on_gaussian_data_is_its_closed_form() -> None:
    """The terms of the bound are KL(q(x_{t−1} | x_t, x₀) ‖ N(μ_θ, β)), which for two means is
    half their squared distance over β, where the posterior's variance is β too.
    """
    left, t = alpha_bar("linear", 1000), 500
    a, s = left[t].sqrt(), (1 - left[t]).sqrt()
    alpha = left[t] / left[t - 1]
    beta = 1 - alpha
    x0, epsilon, predicted = torch.tensor([0.3, 0.7, 0.5], dtype=torch.float64)
    x = a * x0 + s * epsilon
    means = [(x - beta / s * noise) / alpha.sqrt() for noise in (epsilon, predicted)]
    divergence = (means[0] - means[1]).square() / (2 * beta)
    weights = target_weights("vlb", TARGETS["epsilon"], left)
    assert weights is not None
    torch.testing.assert_close(weights[t] / 1000 * (epsilon - predicted).square(), divergence)


@pytest.mark.parametrize("kind", [name for name in WEIGHTINGS if name != "simple"])
@pytest.mark.parametrize("name", TARGETS)
def test_a_weighted_loss_is_one_and_the_same_for_every_target(kind: str, name: str) -> None:
    left = alpha_bar("cosine", 1000)
    level = levels()
    x = add_noise(X0, EPSILON, level)
    image = drawn(6, 2, 4, 4, seed=4)
    epsilon = (x - level.signal * image) / level.noise
    losses = []
    for target in (TARGETS[name], TARGETS["x0"]):
        weights = target_weights(kind, target, left)
        assert weights is not None
        output, value = target.value(image, epsilon, level), target.value(X0, EPSILON, level)
        losses.append(weighted_error(output, value, weights[level.time]))
    torch.testing.assert_close(*losses)


def test_the_simple_weighting_has_no_weights() -> None:
    assert target_weights("simple", TARGETS["v"], alpha_bar("linear", 20)) is None


def test_noise_keeps_the_variance_of_standardised_images() -> None:
    generator = torch.Generator().manual_seed(0)
    process = ForwardProcess(alpha_bar("linear", 1000))
    x, epsilon = torch.randn(2, 64, 1, 32, 32, generator=generator)
    for t in (0, 300, 999):
        noisy = add_noise(x, epsilon, process(torch.full((64,), t)))
        assert noisy.var().item() == pytest.approx(1, abs=0.02)


def test_the_forward_process_goes_from_the_image_to_the_noise() -> None:
    generator = torch.Generator().manual_seed(0)
    process = ForwardProcess(alpha_bar("linear", 1000))
    x, epsilon = torch.randn(2, 2, 1, 8, 8, generator=generator)
    noisy = add_noise(x, epsilon, process(torch.tensor([0, 999])))
    torch.testing.assert_close(noisy[0], x[0], atol=0.05, rtol=0)
    torch.testing.assert_close(noisy[1], epsilon[1], atol=0.05, rtol=0)


def test_the_forward_process_draws_every_timestep_and_gives_each_its_weight() -> None:
    process = ForwardProcess(alpha_bar("linear", 20), torch.arange(20.0))
    t = process.draw(4000, torch.Generator().manual_seed(0))
    assert torch.bincount(t, minlength=20).min() > 120
    assert torch.equal(process.weight(t), t.float())
    assert not process.state_dict()


def test_a_network_becomes_a_denoiser_that_is_told_time_and_condition() -> None:
    seen = []

    def network(x: Tensor, time: Tensor, labels: Tensor) -> Tensor:
        seen.append((time, labels))
        return torch.zeros_like(x)

    x, labels = torch.ones(3, 1, 2, 2), torch.arange(3)
    level = NoiseLevel(torch.tensor(7), torch.tensor(0.6), torch.tensor(0.8))
    image, epsilon, _ = network_denoiser(network, TARGETS["epsilon"], labels)(x, level)
    assert torch.equal(seen[0][0], torch.full((3,), 7))
    assert torch.equal(seen[0][1], labels)
    torch.testing.assert_close(image, x / 0.6)
    assert not epsilon.any()
