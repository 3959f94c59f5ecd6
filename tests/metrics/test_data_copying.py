import numpy as np
import pytest
import scipy
import torch
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

from harness.core.errors import BadInput
from harness.metrics import METRICS, data_copying_score


def points(n: int, seed: int = 0, d: int = 4) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def score_of_distances(samples: np.ndarray, held_out: np.ndarray) -> float:
    """Z_U with SciPy's statistic and the continuity correction of the authors' code."""
    m, n = len(samples), len(held_out)
    u = scipy.stats.mannwhitneyu(samples, held_out, alternative="less").statistic
    return (u - (m * n / 2 - 0.5)) / np.sqrt(m * n * (m + n + 1) / 12)


def score_by_definition(samples, held_out, train, seed: int) -> float:
    arrays = [x.numpy() for x in (samples, held_out, train)]
    means = KMeans(3, n_init=10, random_state=seed).fit(arrays[2])
    cells = [means.predict(x) for x in arrays]
    total, weight = 0.0, 0
    for cell in range(3):
        q, p, t = (x[which == cell] for x, which in zip(arrays, cells, strict=True))
        if len(q) > 20:
            to_train = [cdist(x, t).min(axis=1) for x in (q, p)]
            total += len(p) * score_of_distances(*to_train)
            weight += len(p)
    return total / weight


@pytest.mark.parametrize("seed", [0, 3])
def test_it_is_the_definition_with_scipy_and_sklearn(seed):
    samples, held_out, train = points(150, 1) * 0.9, points(120, 2), points(200, 3)
    expected = score_by_definition(samples, held_out, train, seed)
    assert data_copying_score(samples, held_out, train, seed).value == pytest.approx(expected)


def test_one_cell_by_hand():
    """Fewer than 80 samples lie in one cell: all 21 are nearer than both held-out images."""
    train = torch.zeros(2, 1)
    samples, held_out = torch.linspace(0.1, 0.9, 21)[:, None], torch.tensor([[2.0], [3.0]])
    expected = (0 - (21 * 2 / 2 - 0.5)) / (21 * 2 * 24 / 12) ** 0.5
    found = data_copying_score(samples, held_out, train)
    assert found.value == pytest.approx(expected)
    assert found.stderr == 0


def test_fresh_samples_score_as_a_standard_normal_variable():
    """In one cell: exact without ties, whatever the distribution."""
    scores = [
        data_copying_score(points(70, s), points(60, 500 + s), points(50, 1000 + s)).value
        for s in range(200)
    ]
    # Held-out images and samples share the training images, whose draw cancels.
    assert np.mean(scores) == pytest.approx(0, abs=4 / 200**0.5)
    assert np.std(scores) == pytest.approx(1, abs=4 / 400**0.5)


def test_stderr_is_the_spread_over_samples_and_held_out_images():
    train = points(100)
    found = [
        data_copying_score(1.2 * points(70, s), points(60, 500 + s), train) for s in range(1, 60)
    ]
    spread = np.std([one.value for one in found])
    assert np.mean([one.stderr for one in found]) == pytest.approx(spread, rel=0.3)


def test_planted_copies_lower_it_and_distance_raises_it():
    train, held_out, fresh = points(300), points(300, 1), points(300, 2)
    values = [
        data_copying_score(torch.cat([train[:n], fresh[n:]]), held_out, train).value
        for n in (0, 60, 300)
    ]
    assert values[0] > values[1] + 2 > values[2] + 8
    assert data_copying_score(fresh * 2, held_out, train).value > 5


def test_many_features_are_projected_on_their_principal_components():
    """Coordinates beyond the 64th that hardly vary make no difference; which one is last does."""
    samples, held_out, train = (points(130, s, 64) for s in range(3))
    wide = [torch.cat([1e-9 * points(len(x), 7, 3), x], dim=1) for x in (samples, held_out, train)]
    expected = data_copying_score(samples, held_out, train).value
    assert data_copying_score(*wide).value == pytest.approx(expected)


def test_too_few_images_in_a_cell_are_refused():
    with pytest.raises(BadInput, match="more than 20 of the 20 samples"):
        data_copying_score(points(20), points(30, 1), points(30, 2))
    assert METRICS["c_t"].least["samples"] == 21
