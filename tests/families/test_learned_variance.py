"""Learned variances against the closed forms of Gaussian data, whose reverse steps are Gaussian."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from exact_denoisers import ONE
from pydantic import ValidationError
from torch import Tensor

from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.diffusion import Diffusion
from harness.objectives.denoising import Denoised, NoiseLevel, add_noise, alpha_bar
from harness.objectives.variational_bound import VariationalBound
from harness.samplers.ancestral import ancestral
from harness.samplers.ddim import forward_deviation, posterior_deviation
from harness.samplers.guidance import clipped, guided
from harness.samplers.levels import NoiseLevels, timestep_levels

STEPS = 20
LEFT = alpha_bar("cosine", STEPS)


def exact_share(level: NoiseLevel, small: Tensor, large: Tensor, gain: Tensor) -> Tensor:
    """How far ln of the variance of q(x_s | x_t) is from ln β̃ to ln β; `gain` is ∂x_s/∂x₀."""
    a, s = level.signal, level.noise
    of_image = ONE.d**2 * s**2 / ((a * ONE.d) ** 2 + s**2)
    return ((small + gain**2 * of_image).log() - small.log()) / (large.log() - small.log())


def model(**settings: Any) -> Diffusion:
    """A model whose network gives the exact image and the exact variance."""
    recipe = {"schedule": "cosine", "timesteps": STEPS, "target": "x0", "width": 1, **settings}
    recipe.setdefault("sampling", {"kind": "ancestral", "steps": STEPS, "variance": "learned"})
    recipe["sampling"] |= {"clip": False}
    made = build_family("learned-variance-diffusion", recipe, ImageShape(1, 8, pixels=False))
    assert isinstance(made, Diffusion)
    made.networks.double()
    process: Any = made.networks["noising"]
    bound: Any = made.networks["bound"]

    def network(x: Tensor, t: Tensor) -> Tensor:
        level, first = process(t), (t == 0)[:, None, None, None]
        small, large, gain = (
            table[t][:, None, None, None] for table in (bound.small, bound.large, bound.gain)
        )
        share = exact_share(level, small.exp(), large.exp(), gain)
        # At the first timestep the width of p(x₀ | x₁) is that of the image, without a posterior.
        alone = exact_share(level, small.exp() * 0 + 1e-12, large.exp(), gain)
        width = 1e-12 * (large.exp() / 1e-12) ** alone
        share = torch.where(first, (width.log() - small) / (large - small), share)
        return torch.cat([ONE.denoise(x, level).x0, (2 * share - 1).expand_as(x)], dim=1)

    made.networks["denoiser"].forward = network
    return made


def test_the_bound_is_tight_with_few_timesteps() -> None:
    """With exact reverse steps it is the entropy of the data; with β̃ it is 0.03 nats worse."""
    draws = torch.Generator().manual_seed(0)
    x = ONE.shift + ONE.d * torch.randn(400, 1, 8, 8, generator=draws, dtype=torch.float64)
    entropy = 0.5 * (1 + math.log(2 * math.pi * ONE.d**2))

    def nats(**settings: Any) -> Tensor:
        return -model(**settings).elbo(x, torch.Generator().manual_seed(1)) / 64

    exact = nats()
    error = float(exact.std()) / 20
    assert error < 0.01
    assert float(exact.mean()) == pytest.approx(entropy, abs=4 * error)
    small = nats(sampling={"kind": "ancestral", "steps": STEPS})
    assert float((small - exact).mean()) > 0.03


def test_the_exact_variance_is_where_the_bound_is_least() -> None:
    """The derivative by the share is 0 there, in the mean over images that lead to one x_t."""
    bound = VariationalBound(LEFT).double()
    t = torch.tensor([1, 7, STEPS - 1])
    small, large, gain = (
        table[t][:, None, None, None] for table in (bound.small, bound.large, bound.gain)
    )
    left = LEFT[t][:, None, None, None]
    level = NoiseLevel(t, left.sqrt(), (1 - left).sqrt())
    share = exact_share(level, small.exp(), large.exp(), gain).requires_grad_()
    of_image = ONE.d**2 * (1 - left) / (left * ONE.d**2 + 1 - left)
    # The mean of the squared error over x₀ given x_t is its variance.
    predicted, x0 = torch.zeros_like(left), of_image.sqrt()
    bound.terms(t, x0, predicted, bound.log_variance(t, "learned", share)).sum().backward()
    assert share.grad is not None
    torch.testing.assert_close(share.grad, torch.zeros_like(share), rtol=0, atol=1e-6)
    assert ((share > 0) & (share < 1)).all()


def spread(levels: NoiseLevels, variance: Any) -> float:
    """The deviation of 200,000 samples by the exact denoiser."""
    gains = forward_deviation(levels).square()
    signal, _ = levels.next_ones()
    tables = posterior_deviation(levels).square(), gains, signal * gains / levels.noise.square()
    at = {int(time): index for index, time in enumerate(levels.times)}

    def denoise(x: Tensor, level: NoiseLevel) -> Denoised:
        small, large, gain = (table[at[int(level.time)]] for table in tables)
        exact = ONE.denoise(x, level)
        share = exact_share(level, small.clamp(min=1e-30), large, gain)
        return Denoised(exact.x0, exact.epsilon, share.expand_as(x))

    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(200_000, 1, 1, 1, generator=generator, dtype=torch.float64)
    return float(ancestral(denoise, noise, levels, generator, variance).std())


def test_ancestral_steps_of_exact_variance_keep_the_spread_of_the_data() -> None:
    """Five steps of a thousand: each draws from the true q(x_s | x_t), whatever lies between."""
    levels = timestep_levels(alpha_bar("cosine", 1000), 5)
    assert spread(levels, "learned") == pytest.approx(ONE.d, rel=0.006)
    assert spread(levels, "small") < 0.97 * ONE.d
    assert spread(levels, "large") > 1.03 * ONE.d


def test_the_bound_moves_no_prediction() -> None:
    """The gradient by the first half of the output is that of the simple loss, to the bit."""
    family = build_family(
        "learned-variance-diffusion", {"width": 1, "bound_weight": 0.5}, ImageShape(1, 8)
    )
    assert isinstance(family, Diffusion)
    batch = Batch(torch.linspace(-1, 1, 4)[:, None, None, None].expand(4, 1, 8, 8),
                  torch.zeros(4, dtype=torch.int64))  # fmt: skip
    noise = family.noise(4, torch.Generator().manual_seed(0))
    output = torch.randn(4, 2, 8, 8, generator=torch.Generator().manual_seed(1)).requires_grad_()
    family.networks["denoiser"].forward = lambda x, t: output
    losses = family.loss(family.networks, batch, noise)
    (both,) = torch.autograd.grad(losses["loss"], output, retain_graph=True)
    (simple,) = torch.autograd.grad(losses["simple"], output)
    assert torch.equal(both[:, :1], simple[:, :1])
    assert both[:, 1:].any()
    assert not simple[:, 1:].any()
    torch.testing.assert_close(losses["loss"], losses["simple"] + 0.5 * losses["vlb"])
    level = family.networks["noising"](noise["t"])
    predicted = family.target.x0(output, add_noise(batch.x, noise["epsilon"], level), level)
    bound = VariationalBound(alpha_bar("linear", 1000))
    variance = bound.log_variance(noise["t"], "learned", (1 + output[:, 1:]) / 2)
    expected = 1000 * bound.terms(noise["t"], batch.x, predicted, variance).mean()
    torch.testing.assert_close(losses["vlb"], expected)


def test_guidance_and_clipping_keep_the_variance_of_the_conditional_denoiser() -> None:
    level = NoiseLevel(torch.tensor(3), torch.tensor(0.6), torch.tensor(0.8))
    x = torch.linspace(-2, 2, 4).view(4, 1, 1, 1)

    def denoiser(share: float) -> Any:
        return lambda x, level: Denoised(x, 0 * x, torch.full_like(x, share))

    made = clipped(guided(denoiser(0.25), denoiser(0.75), 3.0))(x, level)
    assert made.share is not None
    assert (made.share == 0.25).all()


@pytest.mark.parametrize(
    ("family", "settings", "fault"),
    [
        ("diffusion", {"sampling": {"kind": "ancestral", "variance": "learned"}}, "goes with fam"),
        ("learned-variance-diffusion", {"network": "mlp", "depth": 1}, "learned by a U-Net"),
        ("learned-variance-diffusion", {"transformer": {}}, "learned by a U-Net"),
        ("learned-variance-diffusion", {"preconditioning": {"kind": "edm"}}, "of timesteps"),
        ("learned-variance-diffusion", {"bound_weight": 0}, "greater than 0"),
        ("learned-variance-diffusion", {"sampling": {"variance": "learned"}}, "kind: ancestral"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    family: str, settings: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ValidationError, match=fault):
        build_family(family, settings, ImageShape(1, 8))
