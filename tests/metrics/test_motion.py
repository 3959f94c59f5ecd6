import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.metrics import METRICS
from harness.metrics.motion import (
    frame_change_distance,
    frame_changes,
    frame_pairs,
    same_figure,
)


def test_changes_are_mean_absolute_differences_of_frames():
    videos = torch.tensor([0, 51, 51, 255], dtype=torch.uint8).view(1, 4, 1, 1).expand(2, 4, 3, 3)
    assert frame_changes(videos, 4).tolist() == [[0.2, 0.0, 0.8]] * 2
    # Two frames of two channels: 0 and 51 become 51 and 255.
    assert frame_changes(videos, 2).tolist() == [[pytest.approx(0.5)]] * 2


values = st.lists(st.sampled_from([0.0, 0.1, 0.125, 0.5, 1.0]), min_size=2, max_size=12)


@given(values, values)
def test_the_distance_is_scipys(a, b):
    sides = (torch.tensor([x], dtype=torch.float64).T for x in (a, b))
    found = frame_change_distance(*sides)
    assert found.value == pytest.approx(wasserstein_distance(a, b), abs=1e-12)


def test_single_videos_have_a_distance_without_an_error():
    one, two = torch.tensor([[0.1, 0.3]]), torch.tensor([[0.2, 0.4], [0.2, 0.4]])
    for sides in [(one, one + 0.1), (one, two), (two, one)]:
        found = frame_change_distance(*sides)
        assert found.value == pytest.approx(0.1)
        assert found.stderr is None
    assert frame_change_distance(two, two).stderr is not None
    with pytest.raises(BadInput, match="too few"):
        frame_change_distance(one, one[:0])


def test_its_error_is_the_spread_over_draws_of_videos():
    """Changes of one video are alike, so that their number must not count."""
    found = []
    for seed in range(200):
        random = np.random.RandomState(seed)
        sides = [
            torch.from_numpy(mean + 0.2 * random.rand(n, 1) + 0.05 * random.rand(n, 7))
            for n, mean in ((60, 0.3), (90, 0.35))
        ]
        found.append(frame_change_distance(*sides))
    spread = np.std([estimate.value for estimate in found], ddof=1)
    assert np.mean([estimate.stderr for estimate in found]) == pytest.approx(spread, rel=0.15)


def test_still_and_shuffled_videos_are_noticed():
    dataset = load_dataset("moving:shapes[train=200,test=200]")
    real = frame_changes(dataset.test.images, 8)
    videos = dataset.train.images
    shuffled = videos.view(200, 8, 3, 32, 32)[:, [0, 4, 1, 5, 2, 6, 3, 7]].reshape(videos.shape)
    still = videos[:, :3].repeat(1, 8, 1, 1)
    good, jumping, frozen = (
        frame_change_distance(frame_changes(x, 8), real).value for x in (videos, shuffled, still)
    )
    assert jumping > 5 * good
    assert frozen == pytest.approx(float(real.mean()))
    assert frozen > 5 * good
    # What it is blind to: time that runs backwards.
    backwards = videos.view(200, 8, 3, 32, 32).flip(1).reshape(videos.shape)
    assert frame_change_distance(frame_changes(backwards, 8), real).value == pytest.approx(good)


def test_what_cannot_be_videos_is_refused():
    with pytest.raises(BadInput, match="3 frames cannot have 4 channels"):
        frame_changes(torch.zeros(1, 4, 2, 2, dtype=torch.uint8), 3)
    assert frame_change_distance(torch.rand(1, 3), torch.rand(5, 3)).stderr is None


def test_pairs_have_the_features_of_a_frame_and_their_change():
    features = torch.tensor([[0.0, 1], [2, 3], [5, 7], [10, 10], [11, 12], [13, 14]])
    expected = [[0, 1, 2, 2], [2, 3, 3, 4], [10, 10, 1, 2], [11, 12, 2, 2]]
    assert frame_pairs(features, 3).tolist() == expected


def test_the_distance_of_pairs_notices_order_where_that_of_frames_cannot():
    """Frames of a video drift; backwards each frame by itself is as likely."""
    draws = torch.Generator().manual_seed(0)
    starts = torch.randn(400, 1, 2, generator=draws, dtype=torch.float64)
    videos = starts + 0.1 * torch.arange(5.0, dtype=torch.float64)[:, None]
    backwards = videos.flip(1)
    apart = [
        METRICS["video_frechet"]
        .compute(frame_pairs(side.flatten(0, 1), 5), frame_pairs(videos.flatten(0, 1), 5))
        .value
        for side in (videos, backwards)
    ]
    assert apart[0] == pytest.approx(0, abs=1e-9)
    # Each of two numbers changes by −0.1 in place of 0.1; earlier frames are 0.1 further on.
    assert apart[1] == pytest.approx(2 * 0.2**2 + 2 * 0.1**2, rel=0.02)


def test_identity_is_kept_where_frames_show_one_figure():
    figures = torch.tensor([[[1, 2, 3]] * 3, [[1, 2, 3], [1, 2, 3], [1, 2, 4]]])
    assert same_figure(figures).tolist() == [1.0, 0.5]
