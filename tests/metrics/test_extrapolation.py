import warnings

import numpy as np
import pytest
import torch
from scipy.stats import linregress

from harness.core.errors import BadInput
from harness.metrics import METRICS, frechet_distance, frechet_estimate, kernel_distance
from harness.metrics.base import Caveat
from harness.metrics.extrapolation import frechet_by_class, frechet_infinity, sample_size_curve


def features(n: int, d: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)).double()


def test_the_line_is_that_of_least_squares():
    result = frechet_infinity(features(800), 0.5 + features(500, seed=1), points=9)
    line = linregress(1 / np.array(result.sizes), result.distances)
    assert result.estimate.value == pytest.approx(line.intercept, rel=1e-9)
    assert result.slope == pytest.approx(line.slope, rel=1e-9)
    assert result.r_squared == pytest.approx(line.rvalue**2, rel=1e-9)
    assert result.sizes[0] == 80
    assert result.sizes[-1] == 800
    assert result.distances[-1] == pytest.approx(
        frechet_distance(features(800), 0.5 + features(500, seed=1)), rel=1e-12
    )


def test_unbiased_and_its_error_the_spread_over_fresh_draws():
    """The closed form for Gaussians: d (0.3² + 0.2²). The plain distance is well above it."""
    estimates, plain = [], []
    for seed in range(60):
        a, b = features(400, seed=seed), 0.3 + 1.2 * features(20000, seed=1000 + seed)
        estimates.append(frechet_infinity(a, b).estimate)
        plain.append(frechet_distance(a, b))
    values = np.array([e.value for e in estimates])
    expected, spread = 8 * (0.3**2 + 0.2**2), values.std()
    assert values.mean() == pytest.approx(expected, abs=3 * spread / 60**0.5)
    assert np.mean(plain) > expected + 3 * spread / 60**0.5
    assert np.mean([e.stderr for e in estimates]) == pytest.approx(spread, rel=0.3)


def test_the_seed_decides():
    a, b = features(300), 1 + features(300, seed=1)
    assert frechet_infinity(a, b) == frechet_infinity(a, b)
    assert frechet_infinity(a, b) != frechet_infinity(a, b, seed=1)


def test_warns_where_subsets_are_too_small():
    with pytest.warns(Caveat, match="four times as many samples as features"):
        frechet_infinity(features(31), features(60, seed=1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frechet_infinity(features(40), features(60, seed=1))


def test_distances_by_class():
    a, b = features(90, 3), 1 + features(120, 3, seed=1)
    labels_a, labels_b = torch.arange(90) % 3 + 4, torch.arange(120) % 3 + 4
    found = frechet_by_class(a, labels_a, b, labels_b)
    assert found == {
        label: frechet_estimate(a[labels_a == label], b[labels_b == label]) for label in (4, 5, 6)
    }
    for label, estimate in found.items():
        distance = frechet_distance(a[labels_a == label], b[labels_b == label])
        assert estimate.value == pytest.approx(distance, rel=1e-9)


def test_metric_s_classes_are_the_classifier_s():
    a, b = features(80, 3), 1 + features(100, 3, seed=1)
    labels_a, labels_b = torch.arange(80) % 2, torch.arange(100) % 2
    logits = [torch.nn.functional.one_hot(x, 4).float() for x in (labels_a, labels_b)]
    expected = frechet_by_class(a, labels_a, b, labels_b)
    found = METRICS["class_fid"].compute(a, b, *logits)
    assert found.value == pytest.approx(sum(e.value for e in expected.values()) / 2)
    variance = sum(e.stderr**2 for e in expected.values()) / 4
    assert (found.stderr, found.over) == (pytest.approx(variance**0.5), "images")


def test_the_error_of_the_mean_over_classes_is_the_spread_over_fresh_images():
    found = []
    for seed in range(60):
        a, b = 1.3 * features(400, 4, seed), features(400, 4, 100 + seed)
        logits = torch.nn.functional.one_hot(torch.arange(400) % 4).float()
        found.append(METRICS["class_fid"].compute(a + logits, b + logits, logits, logits))
    spread = np.std([each.value for each in found], ddof=1)
    assert np.mean([each.stderr for each in found]) == pytest.approx(spread, rel=0.4)


def test_a_class_that_one_side_lacks_is_named():
    x, labels = features(40), torch.arange(40) % 2
    with pytest.raises(BadInput, match="no sample image is of class 1"):
        frechet_by_class(x[labels == 0], labels[labels == 0], x, labels)
    with pytest.raises(BadInput, match="no reference image is of class 1"):
        frechet_by_class(x, labels, x[labels == 0], labels[labels == 0])
    lonely = torch.where(torch.arange(40) == 3, 7, labels)
    with pytest.raises(BadInput, match="of class 7 are too few: 1"):
        frechet_by_class(x, lonely, x, lonely)
    with pytest.raises(BadInput, match="int64"):
        frechet_by_class(x, labels.int(), x, labels)
    with pytest.warns(Caveat, match="20 images of the smallest class"):
        frechet_by_class(features(40, 30), labels, features(40, 30), labels)


def test_sample_size_curve():
    a, b = features(200), 0.5 + features(300, seed=1)
    curve = sample_size_curve(a, b, [20, 100, 200])
    assert [point.size for point in curve] == [20, 100, 200]
    assert curve[0].frechet > curve[1].frechet > curve[2].frechet
    assert curve[-1].frechet == pytest.approx(frechet_distance(a, b), rel=1e-9)
    assert curve[-1].kernel == kernel_distance(a, b)
    with pytest.raises(BadInput, match="a subset of 201 cannot be drawn from 200"):
        sample_size_curve(a, b, [201])


def test_bad_input_is_refused():
    a = features(60)
    with pytest.raises(BadInput, match="at least 3 points, not 2"):
        frechet_infinity(a, a, points=2)
    with pytest.raises(BadInput, match="10 samples are too few"):
        frechet_infinity(a[:10], a)
    with pytest.raises(BadInput, match="NaN"):
        frechet_infinity(a, a * torch.nan)
