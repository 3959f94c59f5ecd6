import pickle
from functools import reduce

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from harness.core.errors import BadInput
from harness.metrics.statistics import FeatureStatistics


def features(n: int, d: int = 5, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)).double()


def assert_equal(found: FeatureStatistics, expected: FeatureStatistics) -> None:
    assert found.n == expected.n
    torch.testing.assert_close(found.mean, expected.mean, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.scatter, expected.scatter, rtol=1e-12, atol=1e-9)


def test_mean_and_covariance():
    x = features(50)
    found = FeatureStatistics.of(x.float())
    torch.testing.assert_close(found.mean, x.mean(0))
    torch.testing.assert_close(found.covariance, x.T.cov())


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.lists(st.integers(1, 20), min_size=2, max_size=6), st.randoms())
def test_parts_merge_into_the_whole_in_any_order(seed, sizes, random):
    x = 1000 + features(sum(sizes), seed=seed)
    parts = [FeatureStatistics.of(part) for part in torch.split(x, sizes)]
    random.shuffle(parts)
    assert_equal(reduce(FeatureStatistics.merge, parts), FeatureStatistics.of(x))


def test_blocks_of_rows_change_nothing(monkeypatch):
    x = features(50)
    whole = FeatureStatistics.of(x)
    monkeypatch.setattr("harness.metrics.statistics.ROWS", 7)
    assert_equal(FeatureStatistics.of(x), whole)


def test_a_large_mean_costs_no_digits():
    x = features(200)
    far = FeatureStatistics.of(x + 1e6)
    torch.testing.assert_close(far.scatter, FeatureStatistics.of(x).scatter, rtol=1e-8, atol=1e-7)


def test_bytes_there_and_back():
    statistics = FeatureStatistics.of(features(20))
    again = FeatureStatistics.from_bytes(statistics.to_bytes())
    assert again.n == statistics.n
    assert torch.equal(again.mean, statistics.mean)
    assert torch.equal(again.scatter, statistics.scatter)


def damaged(**changes: torch.Tensor) -> bytes:
    tensors = {
        "n": torch.tensor(4),
        "mean": torch.zeros(2, dtype=torch.float64),
        "scatter": torch.eye(2, dtype=torch.float64),
    }
    return save(tensors | changes)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        pickle.dumps({"n": 3}),
        save({"mean": torch.zeros(3)}),
        damaged(n=torch.tensor(0)),
        damaged(n=torch.tensor(4.0)),
        damaged(mean=torch.zeros(2)),
        damaged(scatter=torch.eye(3, dtype=torch.float64)),
        damaged(mean=torch.full((2,), torch.nan, dtype=torch.float64)),
    ],
)
def test_other_bytes_are_refused(data):
    with pytest.raises(BadInput, match="feature statistics"):
        FeatureStatistics.from_bytes(data)


def test_bad_input_is_refused():
    one = FeatureStatistics.of(features(1))
    with pytest.raises(BadInput, match="1 image are too few"):
        _ = one.covariance
    with pytest.raises(BadInput, match="differ in width: 5 and 3"):
        one.merge(FeatureStatistics.of(features(4, 3)))
    with pytest.raises(BadInput, match="NaN"):
        FeatureStatistics.of(features(4) * torch.nan)
