import pytest
import torch

from harness.objectives.generator_extras import feature_matching


def test_feature_matching_is_the_squared_distance_of_the_means():
    real = torch.tensor([[1.0, 2.0], [3.0, 6.0]])  # means 2 and 4
    fake = torch.tensor([[0.0, 1.0], [0.0, 1.0], [3.0, 1.0]])  # means 1 and 1
    assert feature_matching(real, fake).item() == pytest.approx(1 + 9)
