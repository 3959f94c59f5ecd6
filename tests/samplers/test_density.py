"""Densities under flows whose data are known."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from exact_denoisers import ONE, TWO, TwoGaussians
from torch import Tensor

from harness.families import build_family
from harness.families.base import ImageShape
from harness.objectives.denoising import NoiseLevel
from harness.samplers.density import ProbabilityFlow, draw_probes
from harness.samplers.flow import adaptive_flow

SHAPE = ImageShape(1, 2, pixels=False)
MLP = {"network": "mlp", "depth": 1, "width": 4}


def log_density(data: TwoGaussians, x: Tensor) -> Tensor:
    """Of images x N×1×2×2 with independent pixels."""
    sides = [
        -0.5 * ((x - data.shift - m) / data.d) ** 2 - math.log(data.d * math.sqrt(2 * math.pi))
        for m in (-data.m, data.m)
    ]
    return (torch.logsumexp(torch.stack(sides), 0) - math.log(2)).flatten(1).sum(1)


def drawn(data: TwoGaussians, n: int) -> Tensor:
    draws = torch.Generator().manual_seed(0)
    shape = (n, 1, 2, 2)
    sides = 2 * torch.randint(2, shape, generator=draws) - 1
    return data.shift + data.m * sides + data.d * torch.randn(shape, generator=draws)


def diffusion(data: TwoGaussians, **settings: Any) -> Any:
    family: Any = build_family("diffusion", {**MLP, "target": "x0", **settings}, SHAPE)
    table = ((1 - family.networks["noising"].alpha_bar.double()).log()
             - family.networks["noising"].alpha_bar.double().log()) / 2  # fmt: skip

    def network(x: Tensor, t: Tensor) -> Tensor:
        """E[x₀ | x_t] at timesteps between whole ones."""
        below = t.double().floor().long().clamp(max=len(table) - 2)
        share = t.double() - below
        sigma = (table[below] * (1 - share) + table[below + 1] * share).exp()
        signal = (1 + sigma.square()).rsqrt()[:, None, None, None]
        level = NoiseLevel(t, signal, sigma[:, None, None, None] * signal)
        return data.denoise(x.double(), level).x0.to(x.dtype)

    family.networks["denoiser"].forward = network
    return family


@pytest.mark.parametrize("data", [ONE, TWO], ids=["one", "two"])
def test_the_likelihood_of_diffusion_is_within_a_hundredth_of_the_truth(data: Any) -> None:
    x = drawn(data, 50)
    found = diffusion(data).ode_log_likelihood(x, torch.Generator(), 1e-5)
    truth = log_density(data, x)
    assert float(found.mean()) == pytest.approx(float(truth.mean()), rel=0.01)
    assert float((found - truth).abs().mean()) < 0.02 * float(truth.abs().mean())


def test_the_likelihood_of_a_flow_is_within_a_hundredth_of_the_truth() -> None:
    family: Any = build_family("flow", MLP, SHAPE)

    def network(x: Tensor, time: Tensor) -> Tensor:
        t = time.double()[:, None, None, None] / 1000
        near = NoiseLevel(time, t, 1 - t + 1e-9)
        image, epsilon, _ = ONE.denoise(x.double(), near)
        return (image - epsilon).to(x.dtype)

    family.networks["denoiser"].forward = network
    x = drawn(ONE, 50)
    found = family.ode_log_likelihood(x, torch.Generator(), 1e-5)
    assert float(found.mean()) == pytest.approx(float(log_density(ONE, x).mean()), rel=0.01)


def test_the_likelihood_of_edm_is_within_a_hundredth_of_the_truth() -> None:
    family: Any = build_family("diffusion", {**MLP, "preconditioning": {"kind": "edm"}}, SHAPE)
    target = family.target

    def network(scaled: Tensor, time: Tensor) -> Tensor:
        sigma = (4 * time.double()).exp()[:, None, None, None]
        level = NoiseLevel(time, torch.ones_like(sigma), sigma)
        x = scaled.double() * (sigma.square() + 0.25).sqrt()
        image, epsilon, _ = ONE.denoise(x, level)
        return target.value(image, epsilon, level).to(scaled.dtype)  # type: ignore[no-any-return]

    family.networks["denoiser"].forward = network
    x = drawn(ONE, 50)
    found = family.ode_log_likelihood(x, torch.Generator(), 1e-5)
    assert float(found.mean()) == pytest.approx(float(log_density(ONE, x).mean()), rel=0.01)


def test_probes_give_the_trace_on_the_average() -> None:
    """dx/ds = A·x has the divergence tr A, and maps noise back by the exponential of A."""
    size = 4
    matrix = torch.randn(size**2, size**2, generator=torch.Generator().manual_seed(0)) / 8

    def velocity(x: Tensor, s: Tensor) -> Tensor:
        return (x.flatten(1) @ matrix.T).view_as(x)

    x = torch.randn(400, 1, size, size, generator=torch.Generator().manual_seed(1))
    flow = ProbabilityFlow(velocity, 0.0, 1.0, deviation=2.0)
    probes = draw_probes(x, torch.Generator().manual_seed(2))
    assert probes.shape == (1, *x.shape)
    assert probes.abs().eq(1).all()
    found = flow.log_density(x, probes, 1e-6)
    noise = x.flatten(1).double() @ torch.matrix_exp(matrix.double()).T
    normal = torch.distributions.Normal(0.0, 2.0)
    expected = normal.log_prob(noise).sum(1) + matrix.double().trace()
    error = found - expected
    assert float(error.mean()) == pytest.approx(0, abs=4 * float(error.std()) / 20)
    assert float(error.std()) > 0.01


def test_the_axes_are_the_probes_of_few_values() -> None:
    x = torch.zeros(3, 2, 1, 2)
    probes = draw_probes(x, torch.Generator())
    assert torch.equal(probes[:, 0].flatten(1), torch.eye(4))


def test_the_adaptive_sampler_meets_the_exact_flow() -> None:
    matrix = torch.tensor(-1.5)
    x = torch.linspace(-2, 2, 9).view(9, 1, 1, 1)
    found = adaptive_flow(lambda x, t: matrix * x * t, x, 1e-6)
    torch.testing.assert_close(found, x * math.exp(-0.75), rtol=1e-5, atol=1e-6)
