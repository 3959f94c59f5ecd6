"""A classifier of samples against its closed form on Gaussians, scikit-learn, and copies."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import METRICS, detectability, fit_detector

DRAWS = torch.Generator().manual_seed(0)


def gaussian(n: int, shift: float = 0.0, dimensions: int = 4) -> Tensor:
    """Of identity covariance, with a mean at a distance of `shift` from 0."""
    x = torch.randn(n, dimensions, generator=DRAWS, dtype=torch.float64)
    return x + shift / math.sqrt(dimensions)


def test_equal_distributions_are_not_told_apart():
    estimate = detectability(gaussian(2000), gaussian(3000), gaussian(1500))
    assert estimate.stderr is not None
    assert estimate.value == pytest.approx(0.5, abs=3 * estimate.stderr)
    assert estimate.over == "images"


@pytest.mark.parametrize("distance", [0.5, 1.0, 2.0])
def test_the_area_of_two_gaussians_is_the_closed_form(distance: float):
    """Along the best direction both are normal with variance 1: Φ(d / √2)."""
    estimate = detectability(gaussian(8000, distance), gaussian(8000), gaussian(8000))
    assert estimate.stderr is not None
    assert estimate.stderr < 0.005
    assert estimate.value == pytest.approx(norm.cdf(distance / math.sqrt(2)), abs=0.012)


def test_the_detector_is_scikit_learns_logistic_regression():
    real, made, others = gaussian(300), 3 * gaussian(80, 1.0) + 5, gaussian(50, 1.0)
    detector = fit_detector(real, made)
    theirs = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
    theirs.fit(torch.cat([real, made]).numpy(), [0] * 300 + [1] * 80)
    expected = torch.from_numpy(theirs.decision_function(others.numpy()))
    scores = detector.scores(others)
    shift = expected - scores  # the intercept, which ranks nothing
    torch.testing.assert_close(shift, shift[:1].expand_as(shift), rtol=0, atol=1e-9)


def test_the_value_is_the_mean_area_of_both_halves():
    samples, train, held_out = gaussian(60, 0.7), gaussian(30), gaussian(41)
    order = torch.Generator().manual_seed(0)
    first, second = samples[torch.randperm(60, generator=order)].split(30)
    areas = []
    for learnt, judged in ((first, second), (second, first)):  # all 30 training images for each
        scores = fit_detector(train, learnt).scores(torch.cat([held_out, judged]))
        areas.append(roc_auc_score([0] * 41 + [1] * 30, scores.numpy()))
    assert detectability(samples, train, held_out).value == pytest.approx(sum(areas) / 2, abs=1e-9)


def test_it_does_not_depend_on_how_features_are_scaled():
    samples, train, held_out = gaussian(200, 0.7), gaussian(200), gaussian(200)
    plain = detectability(samples, train, held_out)
    moved = detectability(7 * samples + 3, 7 * train + 3, 7 * held_out + 3)
    assert moved.value == pytest.approx(plain.value, abs=1e-6)


def test_a_single_value_gives_half_and_copies_of_training_images_are_not_detected():
    constant = torch.ones(40, 3, dtype=torch.float64)
    assert detectability(constant, constant, constant).value == 0.5
    train = gaussian(2000)
    assert detectability(train, train, gaussian(2000)).value == pytest.approx(0.5, abs=0.04)


def test_other_modes_of_one_mean_are_not_seen_by_a_linear_classifier():
    """A blind spot that docs/metrics.md states: only means count."""
    wide = 3 * gaussian(4000)
    assert detectability(wide, gaussian(4000), gaussian(4000)).value == pytest.approx(0.5, abs=0.05)


def test_too_few_images_are_refused():
    with pytest.raises(BadInput, match="3 samples are too few"):
        detectability(gaussian(3), gaussian(9), gaussian(9))
    with pytest.raises(BadInput, match="too few"):
        fit_detector(gaussian(1), gaussian(9))
    for train, reference in [(gaussian(1), gaussian(9)), (gaussian(9), gaussian(1))]:
        with pytest.raises(BadInput, match="too few"):
            detectability(gaussian(9), train, reference)
    assert 0 <= detectability(gaussian(4), gaussian(2), gaussian(2)).value <= 1
    with pytest.raises(BadInput, match="width"):
        detectability(gaussian(9), gaussian(9, dimensions=3), gaussian(9))
    assert METRICS["detectability"].ideal == 0.5
