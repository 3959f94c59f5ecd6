import numpy as np
import pytest
import torch
from torchmetrics.image.mifid import _mifid_compute

from harness.core.errors import BadInput
from harness.metrics import frechet_distance, memorisation_informed_fid
from harness.metrics.mifid import least_cosine_distances

pytestmark = pytest.mark.filterwarnings("ignore:Fréchet distance")


def points(n: int, seed: int = 0, d: int = 5) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_it_is_torchmetrics_with_the_training_images_as_reference(shift):
    """torchmetrics takes the nearest of its second set for each of its first, so samples first."""
    samples, train = points(200) + shift, points(300, 1) + shift
    moments = [(x.mean(dim=0), torch.cov(x.T), x) for x in (samples, train)]
    expected = float(_mifid_compute(*moments[0], *moments[1]))
    found = memorisation_informed_fid(samples, train, train).value
    assert found == pytest.approx(expected, rel=1e-6)
    assert found > frechet_distance(samples, train)


def test_distances_by_hand():
    train = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    samples = torch.tensor([[3.0, 0.0], [1.0, 1.0], [-5.0, 0.0]])
    expected = torch.tensor([0, 1 - 0.5**0.5, 0], dtype=torch.float64)
    assert torch.allclose(least_cosine_distances(samples.double(), train.double()), expected)


def test_far_from_the_training_images_it_is_the_frechet_distance():
    samples, test, train = points(100, 0, 60), points(90, 1, 60), points(80, 2, 60)
    assert memorisation_informed_fid(samples, test, train).value == pytest.approx(
        frechet_distance(samples, test)
    )


def test_planted_copies_make_it_larger():
    train, test, fresh = points(300), points(300, 1), points(300, 2)
    values = [
        memorisation_informed_fid(torch.cat([train[:n], fresh[n:]]), test, train).value
        for n in (0, 150, 300)
    ]
    assert values[0] < values[1] < values[2]
    assert values[2] == pytest.approx(frechet_distance(train, test) / 1e-14, rel=0.2)


def test_stderr_is_the_spread_over_fresh_sets():
    train = points(200)
    found = [
        memorisation_informed_fid(points(150, s) + 0.5, points(120, 99 + s), train)
        for s in range(1, 60)
    ]
    spread = np.std([one.value for one in found])
    assert np.mean([one.stderr for one in found]) == pytest.approx(spread, rel=0.3)


def test_features_without_a_direction_are_refused():
    with pytest.raises(BadInput, match="all zero"):
        memorisation_informed_fid(torch.zeros(5, 3), points(5, 0, 3), points(5, 1, 3))
