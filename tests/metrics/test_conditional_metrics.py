import pytest
import torch

from harness.core.errors import BadInput
from harness.metrics import METRICS
from harness.metrics.frechet import frechet_distance


def test_class_accuracy_is_the_share_of_samples_of_the_class_asked_for():
    logits = torch.eye(4)[torch.tensor([0, 1, 2, 3, 3])]
    asked = torch.tensor([0, 1, 2, 0, 1])
    found = METRICS["class_accuracy"].compute(logits, asked)
    assert found.value == pytest.approx(0.6)
    assert found.stderr == pytest.approx((0.3 / 5) ** 0.5)
    with pytest.raises(BadInput, match="classes asked for"):
        METRICS["class_accuracy"].compute(logits, asked[:3])


def test_intra_fid_is_the_mean_over_classes_asked_for():
    draws = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 60, 3, generator=draws).double()
    asked, labels = torch.arange(60) % 2, torch.arange(60) // 30
    found = METRICS["intra_fid"].compute(a, asked, b, labels)
    by_class = [frechet_distance(a[asked == c], b[labels == c]) for c in range(2)]
    assert found.value == pytest.approx(sum(by_class) / 2)
