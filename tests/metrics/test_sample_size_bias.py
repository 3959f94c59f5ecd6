"""The bias of the Fréchet distance, and what extrapolation leaves of it, on Gaussian features."""

import numpy as np
import pytest
import torch

from harness.core.errors import BadInput
from harness.metrics import frechet_distance
from harness.metrics.sample_size_bias import fid_bias, fid_infinity_bias_share


def features(n: int, seed: int, d: int = 8) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)).double()


def test_it_is_the_mean_distance_of_two_halves_less_that_of_all():
    a, b = features(100, 0), features(300, 1) + 0.5
    order = torch.from_numpy(np.random.RandomState(2020).permutation(100))
    halves = [frechet_distance(a[order[part]], b) for part in (slice(50), slice(50, 100))]
    expected = sum(halves) / 2 - frechet_distance(a, b)
    assert fid_bias(a, b).value == pytest.approx(expected, rel=1e-12)


def test_the_bias_falls_as_one_over_n():
    """To first order the bias of n samples is c/n, so that half of them have c/n more than all."""
    biases = {
        n: np.mean([fid_bias(features(n, seed), features(20000, 99)).value for seed in range(20)])
        for n in (200, 400)
    }
    assert biases[200] > biases[400] > 0
    assert biases[200] / biases[400] == pytest.approx(2, rel=0.25)


def test_the_share_is_that_of_the_extrapolated_distances():
    a, b = features(100, 0), features(300, 1) + 0.5
    shuffled = a[torch.from_numpy(np.random.RandomState(2020).permutation(100))]
    whole, halves, quarters = (
        np.mean([frechet_distance(part, b) for part in shuffled.chunk(parts)])
        for parts in (1, 2, 4)
    )
    expected = (3 * halves - quarters - 2 * whole) / (halves - whole)
    assert fid_infinity_bias_share(a, b).value == pytest.approx(abs(expected), rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_extrapolation_takes_most_of_the_bias(shift: float):
    """Whether the bias is most of the distance, or a hundredth of it."""
    pairs = [(features(1000, s, d=20), features(20000, 99, d=20) + shift) for s in range(6)]
    assert max(fid_infinity_bias_share(a, b).value for a, b in pairs) < 0.5


def test_odd_samples_are_left_out_of_all_sizes():
    a, b = features(103, 0), features(300, 1)
    order = torch.from_numpy(np.random.RandomState(2020).permutation(103))
    halves, whole = (
        np.mean([frechet_distance(part, b) for part in a[order[:102]].chunk(parts)])
        for parts in (2, 1)
    )
    assert fid_bias(a, b).value == pytest.approx(halves - whole, rel=1e-9)


def test_a_distance_without_bias_has_no_share():
    point = torch.ones(40, 2, dtype=torch.float64)
    with pytest.raises(BadInput, match="it has no bias"):
        fid_infinity_bias_share(point, point + 1)


def test_too_few_samples_are_one_line():
    with pytest.raises(BadInput, match="4"):
        fid_bias(features(3, 0), features(30, 1))
