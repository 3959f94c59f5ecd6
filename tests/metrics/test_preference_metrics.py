import pytest
import torch

from harness.core.errors import BadInput
from harness.metrics import METRICS, hps_v2, image_reward, pick_score, vqa_score

SCORES = torch.tensor([0.25, 0.75, 0.5])


def test_scores_are_on_the_published_scales():
    assert pick_score(20 + SCORES).tolist() == [20.25, 20.75, 20.5]
    assert hps_v2(SCORES).tolist() == [25, 75, 50]
    assert image_reward(-SCORES).tolist() == [-0.25, -0.75, -0.5]
    assert vqa_score(SCORES).tolist() == SCORES.tolist()


def test_a_metric_is_the_mean_with_its_error():
    estimate = METRICS["hps_v2"].compute(SCORES)
    assert (estimate.value, estimate.over) == (50, "images")
    assert estimate.stderr == pytest.approx(25 / 3**0.5)


def test_scores_of_another_network_are_refused():
    with pytest.raises(BadInput, match=r"a caption score of 20 is not a cosine"):
        hps_v2(torch.tensor([0.2, -20.0]))
    for value in (-0.1, 1.1):
        with pytest.raises(BadInput, match="are probabilities, from 0 to 1"):
            vqa_score(torch.tensor([0.5, value]))
