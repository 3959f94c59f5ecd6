import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from harness.core.errors import BadInput
from harness.metrics.base import Caveat
from harness.metrics.probes import knn_accuracy, linear_probe_accuracy, retrieval_precision


def clusters(n: int, seed: int = 0, apart: float = 1.0, d: int = 6):
    """Codes around five centres, and which centre each is of."""
    centres = torch.randn(5, d, generator=torch.Generator().manual_seed(99))
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 5, (n,), generator=random)
    return apart * centres[labels] + torch.randn(n, d, generator=random), labels


@pytest.mark.parametrize("probe", [linear_probe_accuracy, knn_accuracy])
def test_classes_far_apart_are_told_apart_and_noise_is_not(probe):
    assert probe(*clusters(200, apart=30), *clusters(100, 1, apart=30)).value == 1
    noise = probe(*clusters(500, apart=0), *clusters(400, 1, apart=0))
    assert noise.value == pytest.approx(0.2, abs=0.1)
    assert noise.over == "images"


@pytest.mark.parametrize("probe", [linear_probe_accuracy, knn_accuracy])
def test_the_error_is_that_of_a_share(probe):
    result = probe(*clusters(300), *clusters(101, 1))
    assert result.stderr == pytest.approx(math.sqrt(result.value * (1 - result.value) / 100))


def test_linear_probe_is_the_regression_on_standardised_codes():
    (x, y), (x_test, y_test) = clusters(300), clusters(200, 1)
    scaled = [(z - x.mean(dim=0)) / x.std(dim=0, correction=0) for z in (x, x_test)]
    model = LogisticRegression(max_iter=1000).fit(scaled[0].double().numpy(), y.numpy())
    expected = model.score(scaled[1].double().numpy(), y_test.numpy())
    assert linear_probe_accuracy(x, y, x_test, y_test).value == pytest.approx(expected)


@settings(deadline=None, max_examples=10)
@given(st.floats(-100, 100), st.floats(0.01, 100), st.integers(0, 5))
def test_linear_probe_does_not_see_shift_and_scale_of_a_dimension(shift, scale, dimension):
    (x, y), (x_test, y_test) = clusters(150), clusters(150, 1)
    expected = linear_probe_accuracy(x.double(), y, x_test.double(), y_test).value
    moved = [z.double().clone() for z in (x, x_test)]
    for z in moved:
        z[:, dimension] = scale * z[:, dimension] + shift
    # A single image on the boundary may change sides by rounding.
    found = linear_probe_accuracy(moved[0], y, moved[1], y_test).value
    assert found == pytest.approx(expected, abs=1.5 / 150)


def test_a_dead_dimension_does_no_harm():
    (x, y), (x_test, y_test) = clusters(150), clusters(150, 1)
    dead = [torch.cat([z, torch.full((150, 1), 7.0)], dim=1) for z in (x, x_test)]
    expected = linear_probe_accuracy(x, y, x_test, y_test)
    assert linear_probe_accuracy(dead[0], y, dead[1], y_test) == expected


def test_a_probe_that_was_stopped_early_says_so():
    with pytest.warns(Caveat, match="not converged in 2 iterations"):
        linear_probe_accuracy(*clusters(200), *clusters(50, 1), max_iter=2)


def test_knn_equals_scikit_learn_far_from_the_origin_too():
    (x, y), (x_test, y_test) = clusters(300), clusters(200, 1)
    model = KNeighborsClassifier(20, algorithm="kd_tree").fit(x.double().numpy(), y.numpy())
    expected = model.score(x_test.double().numpy(), y_test.numpy())
    far = 1e6 + x.double(), y, 1e6 + x_test.double(), y_test
    assert knn_accuracy(*far).value == knn_accuracy(x, y, x_test, y_test).value == expected


def test_of_equal_votes_the_lowest_label_wins():
    train, labels = torch.tensor([[-1.0], [1.0]]), torch.tensor([4, 2])
    test = torch.tensor([[-0.1], [0.1]])
    assert knn_accuracy(train, labels, test, torch.tensor([2, 2]), k=2).value == 1


def test_retrieval_on_a_line():
    """Neighbours (k = 1) of 0, 1, 3, 7 are 1, 0, 1, 3."""
    codes, labels = torch.tensor([[0.0], [1.0], [3.0], [7.0]]), torch.tensor([5, 5, 5, 6])
    assert retrieval_precision(codes, labels, k=1).value == 3 / 4


def test_retrieval_is_the_mean_share_among_the_nearest_others(monkeypatch):
    codes, labels = clusters(120)
    nearest = torch.cdist(codes.double(), codes.double()).fill_diagonal_(torch.inf)
    nearest = nearest.topk(10, largest=False).indices
    expected = float((labels[nearest] == labels[:, None]).double().mean())
    whole = retrieval_precision(codes, labels)
    assert whole.value == pytest.approx(expected, rel=1e-12)
    monkeypatch.setattr("harness.metrics.probes.ROWS", 7)
    blocks = retrieval_precision(codes, labels)
    assert (blocks.value, blocks.stderr) == pytest.approx((whole.value, whole.stderr), rel=1e-12)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e20, 1e-200])
@pytest.mark.parametrize("outlier", [1.0, 1e5, 1e20])
def test_retrieval_at_any_scale_and_beside_outliers(scale, outlier):
    codes, labels = clusters(120)
    codes = codes.double()
    codes[4] *= outlier
    nearest = (codes[:, None] - codes).square().sum(2).fill_diagonal_(torch.inf)
    nearest = nearest.topk(10, largest=False).indices
    shares = (labels[nearest] == labels[:, None]).double().mean(dim=1)
    found = retrieval_precision(codes * scale, labels).value
    if outlier == 1e20:  # from which all others are as far, but for rounding
        shares[4] = (labels == labels[4]).double()[torch.arange(120) != 4].mean()
    assert found == pytest.approx(float(shares.mean()), abs=1e-12)


@pytest.mark.parametrize("outlier", [1.0, 1e10])
def test_votes_beside_an_outlier(outlier):
    (train, y), (test, z) = clusters(200, d=20), clusters(50, 1, d=20)
    train = train.double()
    train[3] *= outlier
    distances = (test.double()[:, None] - train).square().sum(dim=2)
    nearest = distances.topk(20, largest=False).indices
    votes = torch.nn.functional.one_hot(y[nearest], 5).sum(dim=1)
    expected = float((votes.numpy().argmax(axis=1) == z.numpy()).mean())
    assert knn_accuracy(train, y, test, z).value == pytest.approx(expected)


def test_collapsed_codes_retrieve_by_chance_whatever_the_order():
    labels = torch.arange(60).div(20, rounding_mode="floor")
    for order in (labels, labels.roll(13), labels[torch.randperm(60)]):
        value = retrieval_precision(torch.full((60, 3), 0.1), order).value
        assert value == pytest.approx(19 / 59, rel=1e-12)


@pytest.mark.parametrize("tied", [False, True])
def test_the_error_of_retrieval_is_the_jackknife_by_leaving_images_out(tied):
    random = torch.Generator().manual_seed(0)
    codes = torch.randn(40, 2, generator=random)
    codes = codes.round() if tied else codes
    labels = torch.randint(0, 3, (40,), generator=random)
    others = ~torch.eye(40, dtype=torch.bool)
    without = [retrieval_precision(codes[keep], labels[keep], k=4).value for keep in others]
    values = torch.tensor(without, dtype=torch.float64)
    expected = (39 / 40 * (values - values.mean()).square().sum()).sqrt()
    assert retrieval_precision(codes, labels, k=4).stderr == pytest.approx(float(expected))


def test_the_error_of_retrieval_is_the_spread_over_fresh_images():
    found = [retrieval_precision(*clusters(200, seed)) for seed in range(60)]
    spread = torch.tensor([each.value for each in found]).std()
    stated = torch.tensor([each.stderr for each in found]).mean()
    assert 0.8 < float(stated / spread) < 1.5


@pytest.mark.parametrize("probe", [linear_probe_accuracy, knn_accuracy])
def test_bad_input_is_refused(probe):
    (x, y), test = clusters(30), clusters(30, 1)
    with pytest.raises(BadInput, match=r"no training image has: \[7\]"):
        probe(x, y, test[0], torch.full((30,), 7))
    with pytest.raises(BadInput, match=r"test labels are torch\.int32"):
        probe(x, y, test[0], test[1].int())
    with pytest.raises(BadInput, match="differ in width: 5 and 6"):
        probe(x[:, 1:], y, *test)
    with pytest.raises(BadInput, match="one label"):
        probe(x, torch.ones(30, dtype=torch.int64), *test)
    with pytest.raises(BadInput, match="training codes of 30 of 30 images are NaN"):
        probe(x * torch.nan, y, *test)


def test_too_few_images_are_refused():
    with pytest.raises(BadInput, match="19 training images are too few for a vote of 20"):
        knn_accuracy(*clusters(19), *clusters(5))
    with pytest.raises(BadInput, match="11 images are too few; at least 12"):
        retrieval_precision(*clusters(11))
