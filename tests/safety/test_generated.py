"""Detectors of generated images, tested on the samples of other models."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import norm
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import detectability
from harness.safety.generated import cross_tests

DRAWS = torch.Generator().manual_seed(0)


def gaussian(n: int, mean: tuple[float, ...] = (0, 0, 0)) -> Tensor:
    return torch.randn(n, 3, generator=DRAWS, dtype=torch.float64) + torch.tensor(mean)


def test_a_detector_finds_what_lies_where_its_own_samples_do():
    """Real images lie at 0, one model at a distance of 1.5, another on the other side, a third off
    the line: the area is Φ of the distance along the detector's direction over √2.
    """
    made = {
        "one": gaussian(6000, (1.5, 0, 0)), "opposite": gaussian(6000, (-1.5, 0, 0)),
        "aside": gaussian(6000, (0, 1.5, 0)),
    }  # fmt: skip
    tests = {
        (test.learnt_from, test.tested_on): test.area
        for test in cross_tests(made, gaussian(6000), gaussian(6000))
    }
    found = norm.cdf(1.5 / math.sqrt(2))
    expected = {"one": found, "opposite": 1 - found, "aside": 0.5}
    for judged, area in expected.items():
        assert tests["one", judged].value == pytest.approx(area, abs=0.03)
        assert tests["one", judged].over == "images"
    assert tests["aside", "aside"].value == pytest.approx(found, abs=0.02)
    assert len(tests) == 9


def test_on_its_own_model_it_is_tested_on_samples_that_it_did_not_learn_from():
    made, train, held_out = {"m": gaussian(90, (1, 0, 0))}, gaussian(90), gaussian(70)
    (test,) = cross_tests(made, train, held_out, seed=4)
    assert test.area == detectability(made["m"], train, held_out, seed=4)


def test_too_few_samples_are_refused():
    with pytest.raises(BadInput, match="3 samples are too few"):
        list(cross_tests({"m": gaussian(3)}, gaussian(9), gaussian(9)))
