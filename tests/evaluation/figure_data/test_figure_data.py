"""Figure data: exact ROC curves, histograms that add up, and where the density is."""

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from harness.core.errors import BadInput
from harness.data.gaussian_mixture import GaussianMixture
from harness.evaluation.figure_data import FIGURE_DATA, figure_data_json
from harness.evaluation.figure_data.anomalies import FALSE_ALARMS, roc_curve
from harness.evaluation.figure_data.declaration import figure_data
from harness.evaluation.figure_data.plane import POINTS, SIDE


class AtHand(dict):
    """Evidence that is there."""

    at_hand = dict.get


def test_a_roc_curve_is_exact_at_each_threshold_and_straight_between():
    normal, odd = np.array([0.0, 1.0, 2.0, 3.0]), np.array([2.5, 4.0])
    at = np.array([0.0, 0.125, 0.25, 0.5, 1.0])
    assert roc_curve(normal, odd, at).tolist() == [0.5, 0.5, 1.0, 1.0, 1.0]


def test_ties_between_normal_and_anomalous_scores_are_a_slope():
    ones = np.ones(5)
    assert roc_curve(ones, ones, np.array([0.0, 0.5, 1.0])) == pytest.approx([0.0, 0.5, 1.0])


def test_the_area_under_the_curve_is_the_one_of_ranks():
    draws = np.random.default_rng(3)
    normal, odd = draws.normal(0, 1, 400), draws.normal(1, 1, 300)
    at = np.linspace(0, 1, 4001)
    area = np.trapezoid(roc_curve(normal, odd, at), at)
    assert area == pytest.approx(float((odd[:, None] > normal).mean()), abs=2e-3)


@pytest.mark.parametrize("validation", [None, torch.arange(100.0)])
def test_what_is_recorded_of_a_detector(validation):
    scores = torch.cat([torch.arange(100.0), torch.arange(50.0, 150.0)])
    e = AtHand(
        anomaly_scores=scores,
        anomaly_labels=torch.arange(200) >= 100,
        validation_images=validation,
        validation_scores=validation,
    )
    data = json.loads(figure_data_json(FIGURE_DATA["anomaly-detection"], e))
    assert len(data["found"]) == len(FALSE_ALARMS)
    assert (data["found"][0], data["found"][-1]) == (0.5, 1.0)
    assert sum(data["normal"]) == pytest.approx(1)
    assert sum(data["anomalous"]) == pytest.approx(1)
    assert len(data["edges"]) == len(data["normal"]) + 1
    if validation is None:
        assert data["threshold"] is None
    else:
        assert 94 <= data["threshold"] < 95


def test_samples_in_the_plane_with_a_picture_of_equal_modes_at_their_places():
    means = torch.tensor([[0.5, 0.75], [-0.5, -0.25]], dtype=torch.float64)
    truth = GaussianMixture(means, torch.eye(2).double(), torch.full((2,), 0.01).double())
    samples = torch.full((POINTS + 5, 2, 1, 1), 0.1234567)
    samples[1] = torch.nan
    data = json.loads(
        figure_data_json(FIGURE_DATA["plane-samples"], AtHand(samples=samples, truth=truth))
    )
    assert len(data["xs"]) == len(data["ys"]) == POINTS
    assert (data["xs"][0], data["xs"][1]) == (0.123, 2.0), "what is no number lies outside"
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["density"]))))[..., 1].astype(
        float
    )
    assert image.shape == (SIDE, SIDE)
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    x, y = (x + 0.5) / SIDE * 2 - 1, 1 - (y + 0.5) / SIDE * 2
    masses = []
    for mean in means.tolist():
        near = np.hypot(x - mean[0], y - mean[1]) < 0.1
        masses.append((image[near] ** 2).sum())
        assert image[near].max() > 100
    assert masses[0] == pytest.approx(masses[1], rel=0.05)
    assert image.astype(bool).mean() < 0.05


def test_images_that_are_no_points_have_no_samples_in_the_plane():
    e = AtHand(samples=torch.zeros(3, 1, 8, 8))
    assert figure_data_json(FIGURE_DATA["plane-samples"], e) == "{}"


def test_an_unknown_requirement_is_refused():
    with pytest.raises(BadInput, match="unknown requirement 'moods'"):
        figure_data("odd", beside="samples", requires=("moods",))
