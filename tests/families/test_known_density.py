"""Models of data whose density is known: no bound may exceed it, no denoiser beat the best one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import pytest
import torch
from scipy import stats
from torch import nn

from harness.config.recipe import load_recipe
from harness.data import Batches, load_dataset
from harness.data.gaussian_mixture import GaussianMixture
from harness.families import build_family
from harness.families.base import Family, ImageShape
from harness.families.diffusion import Diffusion
from harness.families.vae import VAE
from harness.objectives.denoising import alpha_bar
from harness.training.init import initialise
from harness.training.loop import train

DATASET = load_dataset("gaussian")
assert DATASET.density is not None
TRUTH: GaussianMixture = DATASET.density
NOISE = float(TRUTH.scales.min())
SIGNALS = int((TRUTH.scales > NOISE).sum())
TEST = DATASET.test.images
LINEAR_VAE = {
    "network": "mlp", "depth": 0, "latent": SIGNALS, "sigma": NOISE, "batch_size": 64,
    "optimizer": {"lr": 1e-2},
}  # fmt: skip
DENOISER = {
    "network": "mlp", "depth": 1, "width": 256, "batch_size": 128, "optimizer": {"lr": 3e-3}
}  # fmt: skip


class Interval(NamedTuple):
    low: float
    high: float


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Layers of a few hundred units are slower in two threads than in one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def built(name: str, settings: dict[str, object]) -> Family:
    return initialise(lambda: build_family(name, settings, ImageShape(1, 8)), seed=0)


def trained(name: str, settings: dict[str, object], steps: int) -> Family:
    family = built(name, settings)
    batches = Batches(DATASET.train, family.settings.batch_size, seed=0)
    images = steps * family.settings.batch_size
    train(family, batches, images, seed=0, device=torch.device("cpu"))
    return family


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def affine(weight: torch.Tensor, bias: torch.Tensor) -> nn.Linear:
    layer = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0], dtype=torch.float64)
    layer.weight.data, layer.bias.data = weight, bias
    return layer


def the_best_vae() -> VAE:
    """Probabilistic principal component analysis written down as a VAE (Tipping & Bishop 1999)."""
    family = built("vae", LINEAR_VAE)
    assert isinstance(family, VAE)
    family.networks.double()
    order = TRUTH.scales.argsort(descending=True)[:SIGNALS]
    directions, variances = TRUTH.basis[:, order], TRUTH.scales[order].square()
    strength = (variances - NOISE**2).sqrt()
    gain = (strength / variances)[:, None] * directions.T
    logvar = (NOISE**2 / variances).log()
    zeros = torch.zeros(SIGNALS, dtype=torch.float64)
    networks = family.networks
    networks["decoder"].body[-1] = affine(directions * strength, torch.zeros(64).double())
    networks["encoder"].body[-1] = affine(
        torch.cat([gain, torch.zeros_like(gain)]), torch.cat([zeros, logvar])
    )
    return family


@pytest.mark.parametrize("k", [1, 7])
def test_a_linear_vae_can_reach_the_true_density(k: int) -> None:
    """With the true posterior every importance-weighted bound is the density itself."""
    vae, x = the_best_vae(), TEST[:200].double()
    # Codes are drawn in float32, and float64 from there on.
    torch.testing.assert_close(
        vae.importance_bound(x, k, seeded()), TRUTH.log_density(x), rtol=0, atol=1e-3
    )


def gaps(vae: VAE) -> torch.Tensor:
    return TRUTH.log_density(TEST) - vae.elbo(TEST, seeded())


def test_the_bound_of_a_vae_is_below_the_true_density_and_training_closes_the_gap() -> None:
    means = []
    for steps in (0, 100, 400):
        family = trained("vae", LINEAR_VAE, steps) if steps else built("vae", LINEAR_VAE)
        assert isinstance(family, VAE)
        family.networks.eval()
        found = gaps(family)
        means.append(float(found.mean()))
        error = float(found.std()) / math.sqrt(len(found))
        assert means[-1] > -3 * error, "KL(p ‖ model) and the gap of the posterior are not negative"
    assert means[0] > means[1] > means[2]
    assert means[2] < 0.02 * means[0]


def intervals_of_gaps(*bounds: torch.Tensor) -> list[Interval]:
    """Of each bound the 95 % t interval of how far the next one lies above it, over the images."""
    gaps = [(next_one - bound).numpy() for bound, next_one in pairwise(bounds)]
    return [
        Interval(*stats.t.interval(0.95, len(gap) - 1, gap.mean(), stats.sem(gap))) for gap in gaps
    ]


def bounds_of(vae: VAE, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The evidence lower bound and those of 50 and 5,000 codes, n each."""
    elbo = torch.stack([vae.elbo(x, seeded(seed)) for seed in range(20)]).mean(dim=0)
    return elbo, vae.importance_bound(x, 50, seeded(1)), vae.importance_bound(x, 5000, seeded(2))


def test_each_bound_lies_below_the_next_and_all_below_the_true_density() -> None:
    """ELBO ≤ IWAE-50 ≤ IWAE-5000 ≤ log p(x) (Burda et al. 2016, theorem 1), of a linear VAE that
    has not finished training: each difference by an interval of its own.
    """
    vae, x = trained("vae", LINEAR_VAE, 100), TEST[:200]
    assert isinstance(vae, VAE)
    vae.networks.eval()
    for gap in intervals_of_gaps(*bounds_of(vae, x), TRUTH.log_density(x)):
        assert gap.low > 0


def test_of_points_in_the_plane_no_bound_lies_above_the_next() -> None:
    """Codes of two numbers for points of two: the bound of 50 codes leaves hardly anything to that
    of 5,000, which may not lie below it.
    """
    ring = load_dataset("ring")
    assert ring.density is not None
    shape = ImageShape(2, 1, pixels=False)
    vae = initialise(lambda: build_family("vae", load_recipe("vae/mlp").settings, shape), seed=0)
    assert isinstance(vae, VAE)
    train(vae, Batches(ring.train, 256, seed=0), 200 * 256, seed=0, device=torch.device("cpu"))
    x = ring.test.images[:200]
    gain, more, gap = intervals_of_gaps(*bounds_of(vae, x), ring.density.log_density(x))
    assert gain.low > 0
    assert more.high > 0
    assert gap.low > 0


def least_error(alpha: float) -> float:
    """The mean squared error of ε that is left to the best denoiser."""
    signal = alpha * TRUTH.scales.square()
    return float((signal / (signal + 1 - alpha)).mean())


def errors(predicted: torch.Tensor, epsilon: torch.Tensor) -> torch.Tensor:
    return (predicted - epsilon).square().flatten(1).mean(dim=1)


def test_a_denoising_model_approaches_the_best_denoiser_and_never_beats_it() -> None:
    family = trained("diffusion", DENOISER, 600)
    assert isinstance(family, Diffusion)
    x, epsilon = TEST, torch.randn(TEST.shape, generator=seeded())
    for t in (50, 150, 300, 600):
        alpha = float(alpha_bar("linear", 1000)[t])
        noisy = math.sqrt(alpha) * x + math.sqrt(1 - alpha) * epsilon
        best = (noisy - math.sqrt(alpha) * TRUTH.denoise(noisy, alpha)) / math.sqrt(1 - alpha)
        at_best = errors(best, epsilon)
        spread = float(at_best.std()) / math.sqrt(len(x))
        assert float(at_best.mean()) == pytest.approx(least_error(alpha), abs=4 * spread)
        with torch.no_grad():
            model = family.networks["denoiser"](noisy, torch.full((len(x),), t))
        excess = errors(model, epsilon) - at_best
        noise = float(excess.std()) / math.sqrt(len(x))
        assert float(excess.mean()) > -4 * noise, f"at t = {t} no model can be better"
        reducible = 1 - least_error(alpha)  # 1 is the error of no answer at all
        assert float(excess.mean()) < 0.5 * reducible, f"at t = {t} it has learnt to denoise"
