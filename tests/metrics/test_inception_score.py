import pytest
import torch
from torch_fidelity.metric_isc import isc_features_to_metric

from harness.core.errors import BadInput
from harness.metrics import METRICS, inception_scores


@pytest.mark.parametrize(("n", "splits"), [(200, 10), (97, 4), (33, 1)])
def test_equals_torch_fidelity(n, splits):
    logits = 3 * torch.randn(n, 7, generator=torch.Generator().manual_seed(n))
    theirs = isc_features_to_metric(logits, splits=splits)
    ours = inception_scores(logits, splits=splits)
    assert float(ours.mean()) == pytest.approx(theirs["inception_score_mean"], rel=1e-12)
    assert float(ours.std(correction=0)) == pytest.approx(
        theirs["inception_score_std"], rel=1e-9, abs=1e-12
    )


def test_bounds():
    """One answer for all images scores 1; sure answers spread evenly score the class count."""
    assert float(inception_scores(torch.zeros(20, 5), splits=1)) == pytest.approx(1)
    sure = 1000 * torch.eye(5).repeat(4, 1)
    assert float(inception_scores(sure, splits=1)) == pytest.approx(5)


def test_adding_a_constant_to_an_image_s_logits_changes_nothing():
    logits = torch.randn(50, 4, dtype=torch.float64)
    shifted = logits + torch.randn(50, 1, dtype=torch.float64)
    assert inception_scores(shifted).numpy() == pytest.approx(inception_scores(logits).numpy())


def test_metric_s_error_is_over_splits():
    estimate = METRICS["is"].compute(torch.randn(100, 6))
    assert estimate.over == "splits"
    assert estimate.stderr > 0


def test_bad_logits_are_refused():
    with pytest.raises(BadInput, match="19 images are too few; at least 20"):
        inception_scores(torch.zeros(19, 3))
    with pytest.raises(BadInput, match="logits of 30 of 30 images are NaN"):
        inception_scores(torch.full((30, 3), torch.nan))
