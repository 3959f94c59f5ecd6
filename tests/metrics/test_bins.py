import numpy as np
import pytest
import torch
from statsmodels.stats.proportion import proportions_ztest

from harness.core.errors import BadInput
from harness.metrics.bins import default_bins, different_bins


def features(n: int, d: int = 5, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)).double()


def clusters(counts: list[int]) -> torch.Tensor:
    """So many points around each of some places far apart."""
    places = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts)).double()
    return torch.stack([100 * places, 100 * places**2], dim=1) + 0.01 * features(sum(counts), 2)


def test_bins_of_separate_clusters_hold_their_points():
    train, samples = clusters([40, 30, 20, 10]), clusters([40, 30, 4, 26])
    result = different_bins(train, samples, bins=4)
    order = result.train_counts.argsort(descending=True)
    assert result.train_counts[order].tolist() == [40, 30, 20, 10]
    assert result.sample_counts[order].tolist() == [40, 30, 4, 26]
    assert result.different[order].tolist() == [False, False, True, True]
    assert result.share.value == 0.5
    assert result.share.stderr == 0.25


@pytest.mark.parametrize("level", [0.2, 0.05, 0.01])
def test_decisions_are_those_of_statsmodels(level):
    train, samples = features(400), features(300, seed=1) + 0.25
    result = different_bins(train, samples, bins=30, level=level)
    p = [
        proportions_ztest([int(a), int(b)], [400, 300])[1]
        for a, b in zip(result.train_counts, result.sample_counts, strict=True)
    ]
    assert result.different.tolist() == [value < level for value in p]
    assert result.share.value == np.mean([value < level for value in p])
    assert 0 < result.share.value < 1


def test_every_image_is_in_the_bin_of_the_nearest_centre():
    train, samples = features(200), features(100, seed=1)
    result = different_bins(train, samples, bins=20)
    assert int(result.train_counts.sum()) == 200
    assert int(result.sample_counts.sum()) == 100
    assert len(result.different) == 20


def test_the_training_images_themselves_differ_in_no_bin():
    result = different_bins(features(300), features(300), bins=15)
    assert result.share.value == 0
    assert not result.different.any()


def test_under_the_null_about_the_level_is_expected_and_found():
    results = [different_bins(features(600, 4, s), features(600, 4, 99 + s)) for s in range(8)]
    assert np.mean([r.expected for r in results]) == pytest.approx(0.05, abs=0.01)
    assert 0.01 < np.mean([r.share.value for r in results]) < 0.07


def test_the_standard_error_is_not_below_the_spread_over_fresh_sets():
    shares = [
        different_bins(features(300, 4, s), features(300, 4, 99 + s) + 0.3, bins=25).share
        for s in range(15)
    ]
    spread = np.std([s.value for s in shares])
    assert 0.9 * spread < np.mean([s.stderr for s in shares]) < 2.5 * spread


def test_a_seed_gives_one_result():
    train, samples = features(200), features(200, seed=1)
    first, again = different_bins(train, samples), different_bins(train, samples)
    assert torch.equal(first.sample_counts, again.sample_counts)
    assert first.expected == again.expected
    other = different_bins(train, samples, seed=1)
    assert not torch.equal(first.sample_counts, other.sample_counts)


def test_as_many_bins_as_the_smaller_set_can_fill():
    assert default_bins(50_000, 10_000) == 100
    assert default_bins(599, 2000) == 59
    assert default_bins(2000, 300) == 30


def test_bad_input_is_refused():
    x = features(60)
    with pytest.raises(BadInput, match="1 bins cannot be compared on 15 images"):
        different_bins(x, x[:15])
    with pytest.raises(BadInput, match="4 bins cannot be made of 3 different training images"):
        different_bins(x[:3].repeat(20, 1), x, bins=4)
    with pytest.raises(BadInput, match="level of a test"):
        different_bins(x, x, level=0)
    with pytest.raises(BadInput, match="NaN"):
        different_bins(x, x * torch.nan)
