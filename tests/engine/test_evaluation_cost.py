"""Seconds on all images from seconds on shares of them; features made up for metrics to work on."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.data import Split
from harness.engine.evaluation_cost import LEAST, _part, _shares, _StandIn, extrapolate
from harness.engine.training_cost import FEW, MORE, _steps_in, _Trained
from harness.extractors.base import Extracted, Extractor

part = st.floats(0.01, 10)


@given(part, part, part)
def test_constant_linear_and_quadratic_parts_are_found(c0: float, c1: float, c2: float):
    points = {share: c0 + c1 * share + c2 * share**2 for share in (0.05, 0.2, 0.5)}
    assert extrapolate(points) == pytest.approx(c0 + c1 + c2, rel=1e-6)


def test_no_part_is_negative():
    assert extrapolate({0.25: 2.0, 0.5: 1.0}) > 0, "a quick second time promises nothing less"
    assert extrapolate({1.0: 3.0}) == pytest.approx(3.0)
    assert extrapolate({0.5: 0.0}) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("smallest", [1, LEAST, 10 * LEAST, 10_000])
def test_shares_grow_to_the_whole_and_the_first_comes_twice(smallest: int):
    shares = list(_shares(smallest))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert shares[0] * smallest >= min(smallest, LEAST) * (1 - 1e-9)
    assert len(shares) == 1 or shares[0] == shares[1]


def test_a_share_of_a_split_is_from_everywhere():
    split = Split(torch.arange(100, dtype=torch.uint8).reshape(100, 1, 1, 1), torch.arange(100))
    assert _part(split, 0.04).labels.tolist() == [0, 33, 66, 99]
    assert len(_part(split, 1.0)) == 100


class Counting(Extractor):
    """Says how many images it was shown, and has two features."""

    has_logits = False

    def __init__(self) -> None:
        self.seen: list[int] = []

    def check(self, channels: int, size: int) -> None:
        pass

    def extract(self, images: torch.Tensor) -> Extracted:
        self.seen.append(len(images))
        return Extracted(torch.zeros(len(images), 2), None)


def test_a_stand_in_shows_a_network_few_images_and_makes_up_features_of_as_many_as_asked():
    network = Counting()
    stand_in = _StandIn(network, torch.zeros(16, 1, 8, 8, dtype=torch.uint8), torch.device("cpu"))
    found = stand_in.extract(torch.zeros(500, 1, 8, 8, dtype=torch.uint8))
    assert found.pooled.shape == (500, 2)
    assert found.logits is None
    assert float(found.pooled.std()) > 0.5, "metrics of constant features would take less"
    assert network.seen == [1, 16]
    assert (stand_in.samples, stand_in.per_image > 0) == (500, True)


def test_quick_steps_are_measured_on_more_of_them():
    few, more = (_Trained(0.001 * n, n, n, 0, 0) for n in (FEW, MORE))
    assert _steps_in(0.5, few, more) == pytest.approx(500, abs=1)
    at_once = _Trained(few.seconds, MORE, MORE, 0, 0)
    assert _steps_in(0.5, few, at_once) == MORE, "a clock too coarse says nothing"
