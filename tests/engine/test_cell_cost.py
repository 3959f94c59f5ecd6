"""Seconds on all images from seconds on shares of them; features made up for metrics to work on."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.cell.training import build
from harness.config.suite import load_suite
from harness.data import Split, load_dataset
from harness.engine import cell_cost
from harness.engine.cell_cost import (
    FEW_THINGS,
    LEAST,
    PROBE,
    TIMING,
    Rates,
    _every,
    _judged_images,
    _part_times,
    _time_evaluation,
    _time_judging,
    _time_training,
    _TrialEvidence,
    _with_less_to_begin,
    extrapolate,
    measure_cost,
)
from harness.extractors.base import Extracted, Extractor
from harness.metrics import load_metric
from harness.metrics.likelihood import ODE_IMAGES
from harness.plan import Cell, make_plan
from harness.training.loop import TrainingResult

SUITE = """
title: A suite
seeds: [0, 1]
budget: {images: 6400}
samples: 40
datasets: [digits]
models: [vae/mlp]
metrics: [mse, precision, training_time, sampling_throughput]
"""
part = st.floats(0.01, 10)


@pytest.fixture
def cell(tmp_path) -> Cell:
    (tmp_path / "suite.yaml").write_text(SUITE)
    return make_plan(load_suite(str(tmp_path / "suite.yaml")), "cpu", None).cells[0]


@given(part, part, part)
def test_constant_linear_and_quadratic_parts_are_extrapolated(c0: float, c1: float, c2: float):
    points = {share: c0 + c1 * share + c2 * share**2 for share in (0.05, 0.2, 0.5)}
    assert extrapolate(points) == pytest.approx(c0 + c1 + c2, rel=1e-6)


def test_no_part_is_negative():
    assert extrapolate({0.25: 2.0, 0.5: 1.0}) > 0, "a quick second time promises nothing less"
    assert extrapolate({1.0: 3.0}) == pytest.approx(3.0)
    assert extrapolate({0.5: 0.0}) == pytest.approx(0.0, abs=1e-5)


def test_a_share_of_a_split_is_evenly_spaced():
    split = Split(torch.arange(100, dtype=torch.uint8).reshape(100, 1, 1, 1), torch.arange(100))
    assert _every(25, split).labels.tolist() == [0, 25, 50, 75]
    assert len(_every(1, split)) == 100


class Counting(Extractor):
    """Counts the images that it is given, and has two features."""

    has_logits = False
    label, preprocessing = "counting", "none"

    def __init__(self) -> None:
        self.counts: list[int] = []

    def check(self, channels: int, size: int) -> None:
        pass

    def extract(self, images: torch.Tensor) -> Extracted:
        self.counts.append(len(images))
        return Extracted(torch.zeros(len(images), 2), None)


def test_a_trial_times_a_network_on_few_real_images_and_makes_up_the_features_of_all(cell: Cell):
    dataset, network = load_dataset("digits"), Counting()
    trial = _TrialEvidence(cell, dataset, None, 2)
    features = trial.real(network, "reference_images")
    assert features.pooled.shape == (len(trial["reference_images"]), 2)
    assert features.logits is None
    assert float(features.pooled.std()) > 0.5, "metrics of constant features would take less"
    assert network.counts == [PROBE]
    assert trial.once_bytes == 4 * 2 * len(dataset.normal_test), "the features of all, as float32"


def test_the_cost_of_a_cell_has_every_part(cell: Cell):
    cost = measure_cost(cell, load_dataset("digits"))
    assert cost.is_measured
    assert min(cost.training, cost.evaluation, cost.memory) > 0
    assert cost.parameters > 1000


@pytest.mark.parametrize(("begin", "again"), [(0.5, True), (40.0, False)])
def test_what_phases_begin_with_counts_once_and_is_not_done_twice_where_it_takes_long(
    cell: Cell, monkeypatch: pytest.MonkeyPatch, begin: float, again: bool
):
    asked = []

    def steps_of_a_tenth(
        cell: Cell, dataset: object, steps: int, accelerate: str, *, begins: bool = True
    ) -> TrainingResult:
        asked.append(begins)
        before = begin if begins else 0.0
        return TrainingResult(steps, steps, 0.1 * steps + before, (), before)

    monkeypatch.setattr(cell_cost, "train_steps", steps_of_a_tenth)
    steps = cell.images / cell.settings["batch_size"]
    seconds = _time_training(cell, load_dataset("digits"), {})
    assert seconds == pytest.approx(begin + 0.1 * steps)
    assert asked == [True, again]


def test_a_training_is_timed_once_whatever_is_sampled_from_it(cell: Cell, monkeypatch):
    timed = []
    monkeypatch.setattr(cell_cost, "_time_steps", lambda *parts: timed.append(parts) or (2.0, 0.1))
    rates: Rates = {}
    settings = {"width": 4, "sampling": {"steps": 3}}
    first = replace(cell, settings=settings, images=10)
    other = replace(first, settings=settings | {"sampling": {"steps": 9}}, images=20)
    digits = load_dataset("digits")
    assert [_time_training(c, digits, rates) for c in (first, other)] == [3.0, 4.0]
    assert len(timed) == 1
    _time_training(replace(first, settings={"width": 5}), digits, rates)
    assert len(timed) == 2


def test_of_many_pairs_that_a_phase_begins_with_few_are_timed(cell: Cell):
    rectified = replace(cell, family="rectified-flow", settings={"pairs": 1024, "pair_steps": 20})
    few, times = _with_less_to_begin(rectified)
    assert few.settings == {"pairs": FEW_THINGS, "pair_steps": 20}
    assert times == 1024 / FEW_THINGS
    assert _with_less_to_begin(few) == (few, 1.0)
    assert _with_less_to_begin(cell) == (cell, 1.0)


def test_samples_are_timed_where_a_metric_reads_them(cell):
    digits = load_dataset("digits")
    model = build(cell, digits)
    model.networks.eval()
    names = []
    for metric in ("mse", "precision"):
        trial = _TrialEvidence(cell, digits, model, len(digits.normal_test) // LEAST)
        names.append([name for name, _ in _part_times([load_metric(metric)], trial)])
    assert names[0] == ["mse"]
    assert names[1][0] == "samples"


FLOWS = """
title: A suite
seeds: [0]
budget: {images: 6400}
samples: 40
datasets: [digits]
models: [flow/matching]
metrics: [fid, ode_likelihood, ode_solver_error]
"""


def test_a_likelihood_of_some_test_images_is_timed_once_and_counts_for_as_many(
    tmp_path, monkeypatch
):
    (tmp_path / "suite.yaml").write_text(FLOWS)
    (planned,) = make_plan(load_suite(str(tmp_path / "suite.yaml")), "cpu", None).cells[:1]
    digits, computed = load_dataset("digits"), []
    judged = {name: _judged_images(load_metric(name), digits) for name in ("fid", "ode_likelihood")}
    assert judged == {"fid": None, "ode_likelihood": ODE_IMAGES}
    trial = _TrialEvidence(planned, digits, None, len(digits.normal_test) // LEAST)
    seconds = iter([0.0, 8.0, 8.0, 8.5])
    monkeypatch.setattr(trial, "now", lambda: next(seconds))
    monkeypatch.setattr(cell_cost, "compute_metric", lambda *parts: computed.append(parts))
    rates: Rates = {}
    cost = _time_judging(planned, digits, load_metric("ode_likelihood"), trial, rates)
    assert cost == pytest.approx(8 / len(trial["reference_images"]) * ODE_IMAGES)
    again = _time_judging(planned, digits, load_metric("ode_likelihood"), trial, rates)
    assert again == cost
    assert len(computed) == 1


def test_slow_samples_are_drawn_once_and_their_timing_is_of_as_many_images(cell: Cell, monkeypatch):
    """32 of 448 samples in 2 s: 28 s for all, and four batches of 64 that are timed."""
    parts = {"samples": 2.0, TIMING: 16.0}

    def times(metrics: object, trial: _TrialEvidence) -> Iterator[tuple[str, float]]:
        return iter(parts.items() if trial.at_hand("samples") is None else ())

    monkeypatch.setattr(cell_cost, "_part_times", times)
    monkeypatch.setattr(cell_cost._TrialEvidence, "__getitem__", lambda e, name: torch.zeros(32, 1))
    large = replace(cell, setup=replace(cell.setup, samples=448), planned_measurements=())
    seconds, _ = _time_evaluation(large, load_dataset("digits"), None, {})
    assert seconds == pytest.approx(14 * 2.0 + 16.0)
