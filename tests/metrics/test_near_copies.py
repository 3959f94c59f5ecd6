import numpy as np
import pytest
import torch

from harness.core.errors import BadInput
from harness.metrics import METRICS, find_near_copies, near_copy_share


def points(n: int, seed: int, d: int = 4) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_nearest_and_p_value_by_hand():
    train = torch.tensor([[0.0], [10.0]])
    held_out = torch.tensor([[1.0], [7.0], [12.0]])  # 1, 3 and 2 from the nearest
    near = find_near_copies(torch.tensor([[0.5], [8.0], [20.0], [10.0]]), train, held_out)
    assert near.indices.tolist() == [0, 1, 1, 1]
    assert near.distances.tolist() == [0.5, 2, 10, 0]
    assert near.p_values.tolist() == [0.25, 0.75, 1, 0.25]  # of a tie both count


def test_p_values_of_fresh_points_are_uniform():
    """Exchangeable with the held-out points: P(p ≤ k / (h + 1)) is k / (h + 1) exactly."""
    low = []
    for seed in range(200):
        train, held_out, fresh = (points(n, 10 * seed + i) for i, n in enumerate((50, 19, 20)))
        low.append(
            float((find_near_copies(fresh, train, held_out).p_values <= 0.1).double().mean())
        )
    # The draws of held-out points vary: Beta(2, 18), standard deviation 0.065.
    assert np.mean(low) == pytest.approx(0.1, abs=4 * 0.094 / np.sqrt(200))


def test_copies_are_counted_and_fresh_images_are_not():
    train, held_out = points(300, 0), points(199, 1)
    samples = torch.cat([train[:30] + 1e-3, points(70, 2)])
    share = near_copy_share(samples, train, held_out)
    assert 0.3 <= share.value <= 0.34
    assert share.stderr == pytest.approx((share.value * (1 - share.value) / 100) ** 0.5)
    assert near_copy_share(train, train, held_out).value == 1


def test_the_least_p_value_counts_at_its_own_rate():
    train, held_out = points(50, 0), points(99, 1)
    assert near_copy_share(train[:5], train, held_out).value == 1


def test_too_few_held_out_images_are_refused():
    with pytest.raises(BadInput, match="need at least 99 held-out images, not 98"):
        near_copy_share(points(5, 0), points(5, 1), points(98, 2))
    assert METRICS["near_copy_share"].least["reference"] == 99
