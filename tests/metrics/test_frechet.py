import math
import warnings

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from harness.core.errors import BadInput
from harness.metrics import frechet_distance
from harness.metrics.frechet import frechet_estimate, frechet_influences
from harness.metrics.statistics import FeatureStatistics


def features(n: int, d: int, seed: int = 0, mix: bool = True) -> torch.Tensor:
    """Correlated float64 features."""
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, dtype=torch.float64, generator=random)
    return x @ torch.randn(d, d, dtype=torch.float64, generator=random) if mix else x


def by_fidelity(a: torch.Tensor, b: torch.Tensor) -> float:
    statistics = [fid_features_to_statistics(x) for x in (a, b)]
    return fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]


def by_definition(a: torch.Tensor, b: torch.Tensor) -> float:
    """The textbook formula, with the principal square root of Σa^½ Σb Σa^½."""
    root = scipy.linalg.sqrtm(a.T.cov().numpy())
    middle = scipy.linalg.sqrtm(root @ b.T.cov().numpy() @ root).real
    difference = a.mean(0) - b.mean(0)
    return float(
        difference @ difference + a.T.cov().trace() + b.T.cov().trace() - 2 * middle.trace()
    )


def by_singular_values(a: torch.Tensor, b: torch.Tensor) -> float:
    """Without eigenvalues of a product: accurate whatever the covariances."""

    def root(x):
        centred = (x - x.mean(0)) / math.sqrt(len(x) - 1)
        return torch.linalg.qr(centred, mode="r").R

    root_a, root_b = root(a), root(b)
    overlap = torch.linalg.svdvals(root_a @ root_b.T).sum()
    between = (a.mean(0) - b.mean(0)).square().sum()
    return float(between + root_a.square().sum() + root_b.square().sum() - 2 * overlap)


SHAPES = [(60, 70, 20), (21, 22, 20), (20, 70, 20), (70, 20, 20), (20, 20, 20), (10, 30, 20),
          (30, 10, 20), (12, 15, 20), (2, 2, 20), (2, 50, 20), (9, 9, 1)]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Fréchet distance")
@pytest.mark.parametrize(("n", "m", "d"), SHAPES)
def test_features_and_statistics_equal_singular_values(n, m, d):
    a, b = features(n, d), features(m, d, seed=1) + 1
    statistics = FeatureStatistics.of(a), FeatureStatistics.of(b)
    expected = pytest.approx(by_singular_values(a, b), rel=1e-9)
    assert frechet_distance(a, b) == expected
    assert frechet_distance(*statistics) == expected
    assert frechet_distance(a, statistics[1]) == expected
    assert frechet_distance(statistics[0], b) == expected
    assert frechet_estimate(a, b).value == expected


@pytest.mark.filterwarnings("ignore:Fréchet distance")
@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([150, 61, 40]),
    st.integers(0, 2**31),
    st.floats(0, 4),
    st.booleans(),
    st.booleans(),
)
def test_ill_conditioned_covariances_lose_no_digits(n, seed, decay, turned, ascending):
    """Variances down to 60^-8, in the axes' directions or turned, in any order."""
    spectrum = torch.arange(1, 61).double() ** -decay
    spectrum = spectrum.flip(0) if ascending else spectrum
    a, b = features(n, 60, seed, mix=False), features(150, 60, seed + 1, mix=False)
    turn = torch.linalg.qr(features(60, 60, seed + 2, mix=False)).Q if turned else torch.eye(60)
    a, b = a * spectrum @ turn.double(), (0.9 * b + 0.1) * spectrum @ turn.double()
    assert frechet_distance(a, b) == pytest.approx(by_singular_values(a, b), rel=1e-9)


def test_features_without_variance():
    """Dead units: no covariance has an inverse, however many images there are."""
    a, b = features(80, 10), features(90, 10, seed=1)
    dead = [torch.cat([x, torch.zeros(len(x), 5)], dim=1) for x in (a, b)]
    expected = frechet_distance(a, b)
    assert frechet_distance(*dead) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(*map(FeatureStatistics.of, dead)) == pytest.approx(expected, rel=1e-9)
    error = frechet_estimate(a, b).stderr
    assert frechet_estimate(*dead).stderr == pytest.approx(error, rel=1e-6)


@pytest.mark.filterwarnings("ignore:Fréchet distance")
@pytest.mark.parametrize(("n", "m", "d"), [(60, 70, 6), (12, 70, 20), (12, 15, 20)])
def test_influences_are_derivatives(n, m, d):
    """Against finite differences of the textbook formula with weighted images."""
    a, b = features(n, d), features(m, d, seed=1) + 1

    def distance(weights_a, weights_b):
        roots, means = [], []
        for x, weights in ((a, weights_a), (b, weights_b)):
            mean = (weights[:, None] * x).sum(0) / weights.sum()
            means.append(mean)
            scale = weights / weights.sum() * len(x) / (len(x) - 1)
            roots.append((x - mean) * scale.sqrt()[:, None])
        overlap = torch.linalg.svdvals(roots[0] @ roots[1].T).sum()
        traces = sum(root.square().sum() for root in roots)
        return float((means[0] - means[1]).square().sum() + traces - 2 * overlap)

    found = frechet_influences(a, b)
    ones, step = (torch.ones(n).double(), torch.ones(m).double()), 1e-4
    for side in (0, 1):
        for image in (0, 5):
            moved = []
            for sign in (1, -1):
                weights = [w.clone() for w in ones]
                weights[side][image] += sign * step
                moved.append(distance(*weights))
            slope = (moved[0] - moved[1]) / (2 * step) * len(ones[side])
            assert float(found[1 + side][image]) == pytest.approx(slope, rel=1e-4, abs=1e-4)


@pytest.mark.filterwarnings("ignore:Fréchet distance")
@pytest.mark.parametrize(("n", "m", "d"), [(300, 400, 8), (40, 60, 64)])
def test_error_is_the_spread_over_fresh_draws(n, m, d):
    estimates = [
        frechet_estimate(
            features(n, d, 2 * seed, mix=False),
            0.3 + 1.5 * features(m, d, 2 * seed + 1, mix=False),
        )
        for seed in range(150)
    ]
    spread = np.std([e.value for e in estimates])
    assert np.mean([e.stderr for e in estimates]) == pytest.approx(spread, rel=0.2)


def test_error_is_that_of_the_bootstrap():
    a, b = features(300, 4), 1 + features(200, 4, seed=1)
    random = torch.Generator().manual_seed(0)

    def again(x):
        return x[torch.randint(len(x), (len(x),), generator=random)]

    spread = np.std([frechet_distance(again(a), again(b)) for _ in range(300)])
    assert frechet_estimate(a, b).stderr == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_equals_torch_fidelity(dtype):
    a, b = features(400, 48).to(dtype), features(300, 48, seed=1).to(dtype) + 1
    assert frechet_distance(a, b) == pytest.approx(by_fidelity(a, b), rel=1e-6)


def test_equals_the_definition_with_more_images_than_features():
    a, b = features(80, 20), features(90, 20, seed=1)
    assert frechet_distance(a, b) == pytest.approx(by_definition(a, b), rel=1e-9)


@pytest.mark.filterwarnings("ignore:Fréchet distance")
def test_fewer_images_than_features_equals_torch_fidelity():
    a, b = features(30, 64), features(40, 64, seed=1)
    assert frechet_distance(a, b) == pytest.approx(by_fidelity(a, b), rel=1e-6)


@pytest.mark.filterwarnings("ignore:Fréchet distance")
def test_both_ways_to_the_covariance_agree():
    """Padding with constant features changes nothing but which of the two ways is taken."""
    a, b = features(60, 20), features(70, 20, seed=1)
    wide = [torch.cat([x, torch.full((len(x), 80), 3.0)], dim=1) for x in (a, b)]
    assert frechet_distance(*wide) == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_closed_form_of_gaussians_with_diagonal_covariances():
    """Samples whose mean and covariance are exactly those wanted."""
    x = features(200, 3, mix=False)
    x -= x.mean(0)
    white = x @ torch.linalg.inv(torch.linalg.cholesky(x.T.cov())).T
    scale_a, scale_b = torch.tensor([1.0, 2, 3]).double(), torch.tensor([2.0, 2, 1]).double()
    shift = torch.tensor([0.0, 3, 4]).double()
    expected = 25 + float((scale_a - scale_b).square().sum())
    assert frechet_distance(white * scale_a, white * scale_b + shift) == pytest.approx(expected)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.floats(-5, 5))
def test_identities(seed, shift):
    a, b = features(40, 6, seed), features(50, 6, seed + 1)
    distance = frechet_distance(a, b)
    tiny = 1e-9 * float(a.square().sum() / len(a) + b.square().sum() / len(b))
    assert distance >= 0
    assert frechet_distance(b, a) == pytest.approx(distance, rel=1e-9, abs=tiny)
    assert frechet_distance(a.flip(0), b) == pytest.approx(distance, rel=1e-9, abs=tiny)
    assert frechet_distance(a, a.flip(0)) == pytest.approx(0, abs=tiny)
    assert frechet_distance(a, a + shift) == pytest.approx(6 * shift**2, abs=tiny + 1e-9)
    assert frechet_distance(3 * a, 3 * b) == pytest.approx(9 * distance, rel=1e-9, abs=tiny)


def test_warns_of_few_images_alone():
    with pytest.warns(UserWarning, match="8 features from only 8 images"):
        frechet_distance(features(8, 8), features(20, 8))
    with pytest.warns(UserWarning, match="8 features from 9 images is biased upwards"):
        frechet_distance(features(9, 8), features(40, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frechet_distance(features(32, 8), features(32, 8))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_bad_features_are_refused(bad):
    a = features(20, 4)
    broken = a.clone()
    broken[3, 1] = bad
    with pytest.raises(BadInput, match="features of 1 of 20 images are NaN or infinite"):
        frechet_distance(a, broken)


def test_wrong_shapes_are_refused():
    a = features(20, 4)
    with pytest.raises(BadInput, match="differ in width: 4 and 3"):
        frechet_distance(a, a[:, :3])
    with pytest.raises(BadInput, match="1 image are too few; at least 2"):
        frechet_distance(a, a[:1])
    with pytest.raises(BadInput, match="floating point"):
        frechet_distance(a, a.long())
    with pytest.raises(BadInput, match="one row per image"):
        frechet_distance(a, a[:, 0])
