import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from harness.core.errors import BadInput
from harness.metrics import METRICS, auroc, auroc_interval, average_precision, fpr_at_tpr
from harness.metrics.base import Estimate
from harness.metrics.detection import alarm_threshold, f1_max, false_alarms

few_values = st.lists(st.integers(-3, 3), min_size=4, max_size=30)


def with_labels(values: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    scores = torch.tensor(values, dtype=torch.float64)
    return scores, torch.arange(len(values)) % 3 == 0


@settings(deadline=None)
@given(few_values)
def test_equal_scikit_learn_also_where_scores_tie(values):
    scores, labels = with_labels(values)
    assert auroc(scores, labels).value == pytest.approx(roc_auc_score(labels, scores), abs=1e-14)
    assert average_precision(scores, labels).value == average_precision_score(labels, scores)


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


@pytest.mark.parametrize("metric", [auroc, average_precision, fpr_at_tpr])
def test_error_is_the_spread_over_repeated_experiments(metric):
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(240) % 3 == 0
    draws = [torch.randn(240, generator=random) + 1.5 * labels for _ in range(300)]
    estimates = [metric(scores, labels) for scores in draws]
    spread = np.std([e.value for e in estimates])
    assert np.mean([e.stderr for e in estimates]) == pytest.approx(spread, rel=0.15)


@settings(deadline=None)
@given(few_values)
def test_error_of_average_precision_is_its_slope_in_each_image_s_weight(values):
    """By finite differences of scikit-learn's weighted value, ties included."""
    scores, labels = with_labels(values)
    slopes, step = [], 1e-6
    for i in range(len(scores)):
        up, down = np.ones(len(scores)), np.ones(len(scores))
        up[i], down[i] = 1 + step, 1 - step
        higher = average_precision_score(labels, scores, sample_weight=up)
        slopes.append(
            (higher - average_precision_score(labels, scores, sample_weight=down)) / (2 * step)
        )
    anomalous, normal = np.array(slopes)[labels], np.array(slopes)[~labels]
    expected = len(anomalous) * anomalous.var(ddof=1) + len(normal) * normal.var(ddof=1)
    assert average_precision(scores, labels).stderr == pytest.approx(expected**0.5, abs=1e-6)


@settings(deadline=None)
@given(few_values, st.sampled_from([0.3, 0.5, 0.8, 0.95, 1.0]))
def test_fpr_at_tpr_is_scikit_learn_s_first_point_of_the_curve_that_has_it(values, tpr):
    scores, labels = with_labels(values)
    fprs, tprs, _ = roc_curve(labels, scores, drop_intermediate=False)
    assert fpr_at_tpr(scores, labels, tpr).value == pytest.approx(fprs[np.argmax(tprs >= tpr)])


def test_nineteen_of_twenty_anomalies_are_95_percent():
    """The weakest anomaly may be missed."""
    scores = torch.cat([torch.arange(20.0), torch.tensor([-1.0, 0.5, 1.0, 2.0])])
    labels = torch.arange(24) < 20
    assert fpr_at_tpr(scores, labels).value == 0.5
    assert fpr_at_tpr(scores, labels, 0.951).value == 0.75


def test_interval_is_symmetric_on_the_logit_scale():
    scores, labels = with_labels([0, 2, 1, 3, 3, 0, 2, 2, 1, 0, 1, 4])
    area = auroc(scores, labels)
    low, high = auroc_interval(scores, labels, 0.9)
    assert 0 < low < area.value < high < 1
    assert logit(high) - logit(area.value) == pytest.approx(logit(area.value) - logit(low))
    half = 1.6448536269514722 * area.stderr / (area.value * (1 - area.value))
    assert (logit(high) - logit(low)) / 2 == pytest.approx(half)


def test_interval_covers():
    """The AUROC of two normal distributions a standard deviation apart is Φ(1/√2) = 0.7602."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 3 == 0
    intervals = [
        auroc_interval(torch.randn(60, generator=random) + labels, labels) for _ in range(400)
    ]
    assert np.mean([low < 0.7602 < high for low, high in intervals]) == pytest.approx(
        0.95, abs=0.03
    )


def test_perfect_scores_are_not_certain():
    labels = torch.arange(30) < 10
    low, high = auroc_interval(labels.double(), labels)
    assert (low, high) == (pytest.approx(0.025 ** (1 / 10)), 1)
    assert auroc_interval(-labels.double(), labels) == (0, pytest.approx(1 - low))
    assert fpr_at_tpr(labels.double(), labels).value == 0
    assert fpr_at_tpr(labels.double(), labels).stderr > 0


@settings(deadline=None)
@given(few_values)
def test_only_the_order_of_scores_matters(values):
    scores, labels = with_labels(values)
    assert auroc(scores.exp() * 1e-300, labels) == auroc(scores, labels)
    assert auroc(-scores, labels).value == pytest.approx(1 - auroc(scores, labels).value)
    for metric in (average_precision, fpr_at_tpr):
        assert metric(scores.exp() * 1e-300, labels) == metric(scores, labels)


@settings(deadline=None)
@given(few_values)
def test_the_largest_f1_is_that_of_scikit_learn(values):
    scores, labels = with_labels(values)
    precision, recall, _ = precision_recall_curve(labels.numpy(), scores.numpy())
    with np.errstate(invalid="ignore"):
        expected = np.nanmax(2 * precision * recall / (precision + recall))
    assert f1_max(scores, labels).value == pytest.approx(expected, rel=1e-12)


def test_the_largest_f1_of_constant_scores_flags_every_image():
    labels = torch.tensor([True, False, False, False])
    assert f1_max(torch.ones(4), labels) == Estimate(2 * 0.25 / 1.25)


def test_extremes():
    labels = torch.tensor([True, True, False, False])
    assert auroc(torch.ones(4), labels).value == 0.5
    assert auroc(torch.tensor([2.0, 3, 0, 1]), labels).value == 1
    assert auroc(torch.tensor([0.0, 1, 2, 3]), labels).value == 0
    assert average_precision(torch.ones(4), labels).value == 0.5
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
    with pytest.raises(BadInput, match=r"\(0, 1\], not 95"):
        fpr_at_tpr(torch.zeros(3), labels, 95)
    with pytest.raises(BadInput, match="between 0 and 1, not 95"):
        auroc_interval(torch.zeros(3), labels, 95)
    with pytest.raises(BadInput, match="two normal and two anomalous"):
        auroc_interval(torch.tensor([1.0, 0, 2]), labels)
    with pytest.raises(BadInput, match="int64"):
        auroc(torch.zeros(3), labels.long())


NORMAL = torch.arange(40, dtype=torch.float64)


def test_a_threshold_lets_the_share_of_validation_images_lie_above_it():
    assert alarm_threshold(NORMAL, 0.05) == 37
    assert float((alarm_threshold(NORMAL, 0.05) < NORMAL).double().mean()) == 0.05
    assert alarm_threshold(NORMAL, 0.1) == 35
    assert alarm_threshold(torch.full((100,), 3.0), 0.05) == 3, "ties are at it, not above"


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=20, max_size=60), st.floats(0.05, 0.5))
def test_no_lower_score_is_a_threshold(values, share):
    scores = torch.tensor(values, dtype=torch.float64)
    threshold = alarm_threshold(scores, share)
    assert float((scores > threshold).sum()) <= share * len(scores) + 1e-9
    lower = scores[scores < threshold]
    if len(lower):
        assert float((scores > lower.max()).sum()) > share * len(scores)


def test_false_alarms_are_the_share_of_normal_images_above_it():
    scores = torch.tensor([38.0, 37, 36, 1, 100, 100])
    labels = torch.tensor([False] * 4 + [True] * 2)
    found = false_alarms(NORMAL, scores, labels)
    assert found.value == 0.25
    smoothed = 1.5 / 5
    variance = smoothed * (1 - smoothed) / 4 + 0.05 * 0.95 / 40
    assert found.stderr == pytest.approx(variance**0.5)


def test_its_standard_error_is_the_spread_of_repeated_experiments():
    draws = torch.Generator().manual_seed(0)
    labels = torch.zeros(201, dtype=torch.bool)
    labels[0] = True
    found = [
        false_alarms(
            torch.randn(100, generator=draws, dtype=torch.float64),
            torch.randn(201, generator=draws, dtype=torch.float64), labels,
        )
        for _ in range(2000)
    ]  # fmt: skip
    values = torch.tensor([one.value for one in found])
    errors = torch.tensor([one.stderr for one in found])
    assert float(errors.square().mean().sqrt()) == pytest.approx(float(values.std()), rel=0.1)
    assert float(values.mean()) == pytest.approx(6 / 101, abs=0.003), "an order statistic's mean"


def test_too_few_validation_images_are_refused():
    with pytest.raises(BadInput, match="19 validation images are too few"):
        alarm_threshold(NORMAL[:19])
    with pytest.raises(BadInput, match=r"the share of alarms is in \(0, 1\), not 1"):
        alarm_threshold(NORMAL, 1)
