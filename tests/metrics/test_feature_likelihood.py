"""FLD against the algorithm of its paper, written once more with automatic derivatives."""

import math

import pytest
import torch

from harness.core.errors import BadInput
from harness.metrics import (
    METRICS,
    feature_likelihood_divergence,
    feature_likelihood_gap,
)
from harness.metrics.feature_likelihood import FeatureMixture, FeatureSets, squared_distances


def points(n: int, seed: int = 0, d: int = 6) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def losses_by_definition(
    centres: torch.Tensor, fitted_to: torch.Tensor, images: torch.Tensor
) -> torch.Tensor:
    """−log p(x)/d of images, with the log-variances that Adam finds in 50 steps."""
    d = centres.shape[1]

    def log_densities(x, centre, log_variance):
        apart = torch.cdist(x, centre, compute_mode="donot_use_mm_for_euclid_dist").square()
        return -apart / (2 * log_variance.exp()) - d / 2 * (log_variance + math.log(2 * math.pi))

    start = torch.cdist(fitted_to, centres).square().amin(dim=0) + 1e-3
    variances = (start / d).log().requires_grad_()
    of_mean = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    adam, history = torch.optim.Adam([variances, of_mean], lr=0.5), []
    mean = fitted_to.mean(dim=0, keepdim=True)
    for epoch in range(50):
        adam.zero_grad()
        near_mean = mean + 0.9 * (fitted_to - mean)
        terms = [
            log_densities(fitted_to, centres, variances) - math.log(len(centres)),
            log_densities(near_mean, mean, of_mean),
        ]
        loss = -torch.cat(terms, dim=1).logsumexp(dim=1).mean() / d
        loss.backward()
        adam.step()
        history.append(float(loss.detach()))
        if epoch > 5 and max(abs(history[-1] - history[-j]) for j in range(1, 6)) < 5e-4:
            break
    log_p = log_densities(images, centres, variances.detach()).logsumexp(dim=1)
    return -(log_p - math.log(len(centres))) / d


def test_the_fit_is_the_one_of_the_paper():
    samples, train, test = points(40), points(70, 1), points(50, 2) * 1.2
    mixture = FeatureMixture.fit(samples, train)
    expected = losses_by_definition(samples, train, test)
    assert torch.allclose(mixture.losses(test), expected, rtol=1e-5)


def test_divergence_and_gap_are_differences_of_these_losses():
    samples, test, train = points(40) + 0.3, points(50, 1), points(80, 2)
    sets = FeatureSets.of(samples, test, train, seed=0)
    of_test, of_train = (
        losses_by_definition(sets.samples, sets.train, x) for x in (sets.reference, sets.train)
    )
    baseline = losses_by_definition(sets.train[:40], sets.train[40:], sets.reference)
    found = feature_likelihood_divergence(samples, test, train)
    assert found.value == pytest.approx(100 * float(of_test.mean() - baseline.mean()), rel=1e-4)
    assert found.stderr == pytest.approx(100 * float(of_test.std()) / 50**0.5, rel=1e-4)
    gap = feature_likelihood_gap(samples, test, train)
    assert gap.value == pytest.approx(100 * float(of_train.mean() - of_test.mean()), rel=1e-4)


def test_one_gaussian_by_hand():
    centre, images = torch.zeros(1, 2).double(), torch.tensor([[1.0, 0.0], [0.0, 1.0]]).double()
    mixture = FeatureMixture(centre, torch.tensor([0.5]).double().log())
    # −log N(x; 0, ½ I) = |x|² + log π
    assert mixture.losses(images).tolist() == pytest.approx([(1 + math.log(math.pi)) / 2] * 2)


def test_sets_are_scaled_by_the_test_images_and_constant_features_left_out():
    samples, test, train = points(30), points(40, 1) * 3 + 2, points(50, 2)
    constant = [torch.cat([x, torch.full((len(x), 1), 7.0)], dim=1) for x in (samples, test, train)]
    constant[0][:, -1] = 8
    sets = FeatureSets.of(*constant, seed=0)
    assert sets.reference.shape == (40, 6)
    assert torch.allclose(sets.reference.mean(dim=0), torch.zeros(6).double(), atol=1e-12)
    assert torch.allclose(sets.reference.std(dim=0), torch.ones(6).double())
    scale = [3.0, 0.5, 2.0, 1.0, 10.0, 0.1]
    other = [x * torch.tensor(scale) + 5 for x in (samples, test, train)]
    expected = feature_likelihood_divergence(samples, test, train).value
    assert feature_likelihood_divergence(*other).value == pytest.approx(expected, rel=1e-4)


def test_planted_copies_narrow_their_gaussians():
    train, test, fresh = points(200), points(200, 1), points(200, 2)
    gaps, divergences = [], []
    for copied in (0, 20, 100):
        samples = torch.cat([train[:copied], fresh[copied:]])
        gaps.append(feature_likelihood_gap(samples, test, train).value)
        divergences.append(feature_likelihood_divergence(samples, test, train).value)
    assert gaps[0] > gaps[1] + 20 > gaps[2] + 100
    assert divergences[0] < divergences[1] < divergences[2]


def test_better_samples_have_a_lower_divergence():
    train, test = points(200), points(200, 1)
    values = [
        feature_likelihood_divergence(samples, test, train).value
        for samples in (points(200, 2), points(200, 2) * 1.5, points(200, 2) + 2)
    ]
    assert values[0] < values[1] < values[2]


def test_distances_of_copies_are_exactly_zero():
    x = points(30) + 1e3
    (block,) = squared_distances(x, x.flip(0))
    assert bool((block.flip(1).diagonal() == 0).all())
    assert bool((block >= 0).all())


def test_the_metrics_share_their_fit_and_do_not_mix_sets_up():
    samples, test, train = points(40), points(50, 1), points(60, 2)
    for one, other in ((samples, train), (train, samples)):
        assert METRICS["fld"].compute(one, test, other) == feature_likelihood_divergence(
            one, test, other
        )
        assert METRICS["fld_gap"].compute(one, test, other) == feature_likelihood_gap(
            one, test, other
        )


def test_features_that_never_vary_are_refused():
    same = torch.ones(10, 3)
    with pytest.raises(BadInput, match="features of all test images are the same"):
        feature_likelihood_divergence(same, same, same)
