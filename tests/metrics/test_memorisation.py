import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from harness.core.errors import BadInput
from harness.metrics import frechet_distance
from harness.metrics import memorisation as module
from harness.metrics.memorisation import authpct, fid_gap, nearest_neighbours


def features(n: int, d: int = 6, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)).double()


def test_neighbours_over_several_blocks(monkeypatch):
    samples, train = features(50), features(80, seed=1) + 1000
    distances = cdist(samples.numpy(), train.numpy())
    expected = np.argsort(distances, axis=1)[:, :4]
    monkeypatch.setattr(module, "ENTRIES", 80 * 7)
    found = nearest_neighbours(samples, train, 4)
    assert np.array_equal(found.indices.numpy(), expected)
    assert np.allclose(found.distances.numpy(), np.sort(distances, axis=1)[:, :4], rtol=1e-12)


def test_a_copy_is_at_distance_zero_however_far_from_the_origin():
    train = features(40) * 1e-3 + 1e4
    found = nearest_neighbours(train.flip(0), train, 2)
    assert found.indices[:, 0].tolist() == list(range(39, -1, -1))
    assert bool((found.distances[:, 0] == 0).all())
    assert bool((found.distances[:, 1] > 0).all())


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e20, 1e-200])
@pytest.mark.parametrize("outlier", [1.0, 1e12, 1e20])
@pytest.mark.parametrize("apart", [0.0, 1e9])
def test_neighbours_at_any_scale_and_beside_outliers(scale, outlier, apart):
    samples, train = features(50), features(80, seed=1)
    for x in (samples, train):
        x[4] *= outlier
        x[:20] += apart
    expected = np.argsort(cdist(samples.numpy(), train.numpy()), axis=1)[:, :4]
    found = nearest_neighbours(samples * scale, train * scale, 4)
    near = np.arange(50) != 4  # from an outlier all others are as far, but for rounding
    assert np.array_equal(found.indices.numpy()[near], expected[near])


def authentic_by_definition(train: np.ndarray, samples: np.ndarray) -> float:
    among = cdist(train, train)
    np.fill_diagonal(among, np.inf)
    across = cdist(samples, train)
    nearest = across.argmin(axis=1)
    return 100 * float((across.min(axis=1) > among.min(axis=1)[nearest]).mean())


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.integers(2, 30), st.integers(1, 30), st.integers(1, 5))
def test_authpct_equals_the_definition(seed, n, m, d):
    train, samples = features(n, d, seed), features(m + 1, d, seed + 1)
    expected = authentic_by_definition(train.numpy(), samples.numpy())
    assert authpct(train, samples).value == pytest.approx(expected)


def test_copies_are_never_authentic():
    train = features(40)
    assert authpct(train, train[:20]).value == 0
    assert authpct(train.repeat(2, 1), train[:20]).value == 0, "nor copies of doubled images"
    assert authpct(train, train + 1e3).value == 100
    half = torch.cat([train[:10], features(10, seed=1) + 1e3])
    assert authpct(train, half).value == 50
    assert authpct(train, half).stderr == pytest.approx(100 * (0.25 / 20) ** 0.5)


def test_a_tie_is_no_authenticity():
    train = torch.tensor([[0.0], [2.0], [10.0]])
    assert authpct(train, torch.tensor([[-2.0], [-1.9]])).value == 0
    assert authpct(train, torch.tensor([[-2.0], [-2.1]])).value == 50


def test_a_third_of_fresh_samples_are_authentic_in_one_dimension():
    """Two thirds of points on a line are nearest to the one that is nearest to them."""
    values = [authpct(features(300, 1, s), features(300, 1, 99 + s)).value for s in range(30)]
    assert np.mean(values) == pytest.approx(100 / 3, abs=4 * np.std(values) / 30**0.5)


def test_fid_gap_is_the_difference_of_distances():
    samples, test, train = features(60), features(50, seed=1) + 1, features(50, seed=2) * 2
    expected = frechet_distance(samples, test) - frechet_distance(samples, train)
    assert fid_gap(samples, test, train).value == pytest.approx(expected)
    assert fid_gap(samples, train, test).value == pytest.approx(-expected)


def test_fid_gap_compares_equal_numbers_of_images():
    """A set of which every second image counts: only a part of the larger real set is used."""
    samples, test = features(60), features(50, seed=1)
    train = torch.cat([test, test + 5])
    gaps = [fid_gap(samples, test, train, seed).value for seed in range(3)]
    assert len(set(gaps)) == 3
    assert fid_gap(samples, test, train, 1) == fid_gap(samples, test, train, 1)
    assert fid_gap(samples, train, test, 0).value > 0
    whole = frechet_distance(samples, test) - frechet_distance(samples, train)
    assert whole not in gaps


def test_memorised_samples_have_a_positive_gap():
    train = features(200, 20)
    copies = fid_gap(train, features(200, 20, 1), train)
    assert copies.value > 3 * copies.stderr
    fresh = fid_gap(features(200, 20, 2), features(200, 20, 1), train)
    assert abs(fresh.value) < 3 * fresh.stderr


@pytest.mark.filterwarnings("ignore:Fréchet distance")
@pytest.mark.parametrize("d", [4, 90])
def test_stderr_of_the_gap_is_that_of_weights_on_images(d):
    """Against numerical derivatives by the weight of each image, also with n < d."""
    samples, test, train = features(40, d), 0.5 + features(30, d, 1), features(30, d, 2) * 1.2
    sets = [samples, test, train]

    def gap(weights: list[torch.Tensor]) -> float:
        def moments(x, w):
            mean = w @ x
            centred = (x - mean) * (w * len(x) / (len(x) - 1)).sqrt()[:, None]
            return mean, centred

        (ms, s), *real = [moments(x, w) for x, w in zip(sets, weights, strict=True)]
        fids = [
            float((ms - mr).square().sum() + s.square().sum() + r.square().sum())
            - 2 * float(torch.linalg.svdvals(s @ r.T).sum())
            for mr, r in real
        ]
        return fids[0] - fids[1]

    variance, step = 0.0, 1e-6
    for j, x in enumerate(sets):
        n, derivatives = len(x), []
        for i in range(n):
            values = []
            for sign in (1, -1):
                weights = [torch.full((len(y),), 1 / len(y)).double() for y in sets]
                weights[j] = weights[j] * (1 - sign * step)
                weights[j][i] += sign * step
                values.append(gap(weights))
            derivatives.append((values[0] - values[1]) / (2 * step))
        variance += np.var(derivatives, ddof=1) / n
    assert fid_gap(*sets).stderr == pytest.approx(variance**0.5, rel=0.05)


def test_stderr_of_the_gap_is_the_spread_over_fresh_sets():
    estimates = [
        fid_gap(features(200, 5, s) + 0.5, features(150, 5, 999 + s), 1.3 * features(150, 5, 5 + s))
        for s in range(50)
    ]
    spread = np.std([e.value for e in estimates])
    assert np.mean([e.stderr for e in estimates]) == pytest.approx(spread, rel=0.3)


def test_bad_input_is_refused():
    x = features(10)
    with pytest.raises(BadInput, match="differ in width: 6 and 5"):
        nearest_neighbours(x, x[:, :5])
    with pytest.raises(BadInput, match="10 images are too few; at least 11"):
        nearest_neighbours(x, x, 11)
    with pytest.raises(BadInput, match="at least one neighbour"):
        nearest_neighbours(x, x, 0)
    with pytest.raises(BadInput, match="NaN"):
        authpct(x, x * torch.nan)
    with pytest.raises(BadInput, match="NaN"):
        fid_gap(x, x, x * torch.nan)
    with pytest.raises(BadInput, match="1 image are too few"):
        authpct(x[:1], x)
