import math
import warnings

import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from harness.metrics import frechet_distance
from harness.spec.errors import BadInput


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


def test_warns_only_of_singular_covariances():
    with pytest.warns(UserWarning, match="8 features from only 8 images"):
        frechet_distance(features(8, 8), features(20, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frechet_distance(features(9, 8), features(9, 8))


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
    with pytest.raises(BadInput, match="1 images are too few; at least 2"):
        frechet_distance(a, a[:1])
    with pytest.raises(BadInput, match="floating point"):
        frechet_distance(a, a.long())
    with pytest.raises(BadInput, match="one row per image"):
        frechet_distance(a, a[:, 0])
