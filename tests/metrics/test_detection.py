import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from harness.metrics import METRICS, auroc, average_precision
from harness.spec.errors import BadInput

few_values = st.lists(st.integers(-3, 3), min_size=4, max_size=30)


def with_labels(values: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    scores = torch.tensor(values, dtype=torch.float64)
    return scores, torch.arange(len(values)) % 3 == 0


@settings(deadline=None)
@given(few_values)
def test_equal_scikit_learn_also_where_scores_tie(values):
    scores, labels = with_labels(values)
    assert auroc(scores, labels).value == pytest.approx(roc_auc_score(labels, scores), abs=1e-14)
    assert average_precision(scores, labels) == average_precision_score(labels, scores)


@settings(deadline=None)
@given(few_values)
def test_error_is_delong_s_by_its_definition(values):
    """From the structural components of each pair, without ranks."""
    scores, labels = with_labels(values)
    anomalous, normal = scores[labels], scores[~labels]
    wins = (anomalous[:, None] > normal).double() + 0.5 * (anomalous[:, None] == normal).double()
    m, n = wins.shape
    variance = float(wins.mean(1).var()) / m + float(wins.mean(0).var()) / n
    assert auroc(scores, labels).stderr == pytest.approx(variance**0.5, abs=1e-12)


def test_error_is_the_spread_over_repeated_experiments():
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(120) % 3 == 0
    estimates = [auroc(torch.randn(120, generator=random) + labels, labels) for _ in range(300)]
    spread = np.std([e.value for e in estimates])
    assert np.mean([e.stderr for e in estimates]) == pytest.approx(spread, rel=0.15)


@settings(deadline=None)
@given(few_values)
def test_only_the_order_of_scores_matters(values):
    scores, labels = with_labels(values)
    assert auroc(scores.exp() * 1e-300, labels) == auroc(scores, labels)
    assert auroc(-scores, labels).value == pytest.approx(1 - auroc(scores, labels).value)


def test_extremes():
    labels = torch.tensor([True, True, False, False])
    assert auroc(torch.ones(4), labels).value == 0.5
    assert auroc(torch.tensor([2.0, 3, 0, 1]), labels).value == 1
    assert auroc(torch.tensor([0.0, 1, 2, 3]), labels).value == 0
    assert average_precision(torch.ones(4), labels) == 0.5
    assert auroc(torch.tensor([1.0, 0.0]), torch.tensor([True, False])).stderr is None


def test_metrics_take_evidence_by_name():
    assert METRICS["auroc"].needs == METRICS["aupr"].needs == ("anomaly_scores", "anomaly_labels")


def test_bad_input_is_refused():
    labels = torch.tensor([True, False, False])
    with pytest.raises(BadInput, match="all 3 images are normal"):
        auroc(torch.zeros(3), torch.zeros(3, dtype=torch.bool))
    with pytest.raises(BadInput, match="all 3 images are anomalous"):
        average_precision(torch.zeros(3), torch.ones(3, dtype=torch.bool))
    with pytest.raises(BadInput, match="1 of 3 images are NaN"):
        auroc(torch.tensor([0, torch.nan, 1]), labels)
    with pytest.raises(BadInput, match="int64"):
        auroc(torch.zeros(3), labels.long())
