"""Densities fitted to codes: against closed forms, and scikit-learn's mixture."""

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from harness.core.errors import BadInput
from harness.networks.code_densities import CodeGaussian, CodeMixture

DRAWS = torch.Generator().manual_seed(0)
SPREAD = torch.tensor([[2.0, 0, 0], [1, 0.5, 0], [0, 0.3, 1]])
CODES = torch.randn(4000, 3, generator=DRAWS) @ SPREAD.T + torch.tensor([1.0, -2, 3])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_gaussian_has_the_mean_and_the_covariance_of_the_codes():
    density = CodeGaussian(3)
    density.fit(CODES, generator())
    np.testing.assert_allclose(density.mean, CODES.double().mean(dim=0), atol=1e-12)
    covariance = np.cov(CODES.double().numpy().T)
    np.testing.assert_allclose(density.root @ density.root, covariance, atol=1e-12)
    whitened = density.whiten(CODES.double())
    np.testing.assert_allclose(whitened.mean(dim=0), 0, atol=1e-12)
    np.testing.assert_allclose(np.cov(whitened.numpy().T), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(density.colour(whitened), CODES.double(), atol=1e-12)


def test_gaussian_codes_are_recovered_within_the_error_of_their_number():
    density = CodeGaussian(3)
    density.fit(CODES, generator())
    made = density.colour(torch.randn(4000, 3, generator=generator(1)))
    scale = (SPREAD @ SPREAD.T).diagonal()
    assert bool((made.mean(dim=0) - CODES.mean(dim=0)).abs().lt(5 * (scale / 4000).sqrt()).all())
    # The standard error of a variance is √(2/n) of it, twice as much for a difference of two.
    assert bool((made.var(dim=0) / CODES.var(dim=0) - 1).abs().lt(5 * (4 / 4000) ** 0.5).all())


def test_directions_in_which_codes_do_not_vary_have_no_part():
    codes = torch.cat([CODES[:, :1], torch.full((4000, 1), 7.0), CODES[:, :1] * 2], dim=1)
    density = CodeGaussian(3)
    density.fit(codes, generator())
    assert bool(density.inverse_root.isfinite().all())
    torch.testing.assert_close(density.colour(density.whiten(codes)), codes)
    made = density.colour(torch.randn(50, 3, generator=generator()))
    assert made[:, 1].numpy() == pytest.approx([7.0] * 50, rel=1e-5)
    centred = made - density.mean.float()
    torch.testing.assert_close(centred[:, 2], 2 * centred[:, 0], atol=1e-4, rtol=1e-4)


def test_a_mixture_is_scikit_learns():
    codes = torch.cat([CODES, CODES.flip(1) + 10])
    density = CodeMixture(3, components=2)
    density.fit(codes, generator())
    start = int(torch.randint(2**31, (), generator=generator()))
    reference = GaussianMixture(2, random_state=start).fit(codes.double().numpy())
    np.testing.assert_allclose(density.weights, reference.weights_, atol=1e-10)
    np.testing.assert_allclose(density.means, reference.means_, atol=1e-10)
    covariances = density.roots @ density.roots.mT
    np.testing.assert_allclose(covariances, reference.covariances_, atol=1e-10)


def test_samples_of_a_mixture_have_its_shares_means_and_covariances():
    density = CodeMixture(2, components=2)
    density.weights.copy_(torch.tensor([0.25, 0.75]))
    density.means.copy_(torch.tensor([[-100.0, 0], [100, 0]]))
    density.roots.copy_(torch.tensor([[[1.0, 0], [0.5, 2]], [[3, 0], [0, 1]]]))
    made = density.sample(8000, generator())
    left = made[:, 0] < 0
    assert float(left.float().mean()) == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / 8000) ** 0.5)
    for part, mode in ((made[left], 0), (made[~left], 1)):
        expected = (density.roots[mode] @ density.roots[mode].T).numpy()
        np.testing.assert_allclose(np.cov(part.numpy().T), expected, rtol=0.15, atol=0.3)
        np.testing.assert_allclose(part.mean(dim=0), density.means[mode], atol=0.3)
    assert torch.equal(made, density.sample(8000, generator()))


def test_before_they_are_fitted_they_can_be_sampled_from():
    codes = torch.randn(5, 3, generator=generator())
    assert torch.equal(CodeGaussian(3).colour(codes), codes)
    assert torch.equal(CodeGaussian(3).whiten(codes), codes)
    assert CodeMixture(3, 4).sample(5, generator()).abs().max() == 0


@pytest.mark.parametrize(
    ("density", "message"),
    [
        (CodeGaussian(3), "a Gaussian needs at least 2 codes; there are 1"),
        (CodeMixture(3, 10), "a mixture of 10 Gaussians needs at least 10 codes; there are 1"),
    ],
)
def test_too_few_codes_are_one_line(density: CodeGaussian | CodeMixture, message: str):
    with pytest.raises(BadInput, match=message):
        density.fit(CODES[:1], generator())
