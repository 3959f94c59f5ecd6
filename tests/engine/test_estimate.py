"""What a suite is said to take, from forecasts that are given, and from cells that are finished."""

import math
from dataclasses import replace
from unittest.mock import Mock

import pytest

from harness.config.suite import load_suite
from harness.core.measurement import SOURCE_IMAGES
from harness.data import load_dataset
from harness.engine import estimate as module
from harness.engine.cell_scheduler import ALONE, CONTEXT
from harness.engine.estimate import (
    RECORD_BYTES,
    Forecast,
    SuiteEstimate,
    estimate_suite,
    memory_needs,
)
from harness.plan import Cell, make_plan
from harness.tracking import Record
from harness.training.checkpoint import KEPT

SMALL = Forecast(training=10.0, evaluation=2.0, once=5.0, memory=100, checkpoint=7, weights=3)
LARGE = Forecast(training=40.0, evaluation=4.0, once=5.0, memory=900, checkpoint=70, weights=30)
KNOWN = SuiteEstimate({("digits", "small"): SMALL, ("digits", "large"): LARGE})


def cell(model: str, seed: int = 0, dataset: str = "digits") -> Cell:
    key = f"{dataset} {model} {seed}"
    return Cell(dataset, model, seed, "vae", {}, 1, None, None, (), key)  # type: ignore[arg-type]


def record(status: str = "trained", **facts: float) -> Record:
    return Record("run", "key", status, "", {}, {name: str(x) for name, x in facts.items()})


def test_cells_one_after_the_other_and_side_by_side():
    cells = [cell("small"), cell("large")]
    assert KNOWN.seconds(cells, {}, jobs=1) == 5 + 12 + 44, "features of real images once"
    assert KNOWN.seconds(cells, {}, jobs=2) == 44
    trained = {cells[1].training_key: record()}
    assert KNOWN.seconds(cells, trained, jobs=1) == 5 + 12 + 4, "trained, to be measured"
    begun = {cells[1].training_key: record("training")}
    assert KNOWN.seconds(cells, begun, jobs=1) == 5 + 12 + 44
    three = [cell("small", seed) for seed in range(3)]
    in_turns = KNOWN.seconds(three, {}, jobs=2, spare=1)
    assert in_turns == pytest.approx(3 * 12 / 2 + 5), "on two cores, then what the first has more"
    assert KNOWN.seconds([], {}, jobs=1) == 0
    assert KNOWN.seconds([*cells, cell("unknown")], {}, jobs=1) is None


def test_what_is_done_once_is_done_for_each_dataset():
    elsewhere = SuiteEstimate({("digits", "small"): SMALL, ("mnist", "small"): SMALL})
    cells = [cell("small", seed, dataset) for dataset in ("digits", "mnist") for seed in (0, 1)]
    assert elsewhere.seconds(cells, {}, jobs=1) == 4 * 12 + 2 * 5


def test_disk_is_weights_records_and_features_and_the_checkpoints_of_those_that_run():
    known = SuiteEstimate(
        {pair: replace(f, once_bytes=1000) for pair, f in KNOWN.forecasts.items()}
    )
    cells = [cell("small"), cell("small", 1), cell("large")]
    left, checkpoints = known.disk(cells, jobs=2)
    assert left == 3 + 3 + 30 + 3 * RECORD_BYTES + 1000
    assert checkpoints == (KEPT + 1) * (70 + 7), "the two largest; a new one beside those kept"


def test_what_was_written_is_read():
    assert SuiteEstimate.from_json(KNOWN.to_json()) == KNOWN


def test_memory_is_what_finished_cells_took_then_what_was_estimated_then_all():
    cells = [cell("small"), cell("small", 1), cell("large"), cell("unknown")]
    records = {cells[0].training_key: record(memory_bytes=70)}
    assert memory_needs(cells, records, KNOWN) == {
        cells[0].name: 70 + CONTEXT,
        cells[1].name: 70 + CONTEXT,
        cells[2].name: 900 + CONTEXT,
        cells[3].name: ALONE,
    }
    assert set(memory_needs(cells, {}, None).values()) == {ALONE}


SUITE = """
title: A suite
seeds: [0, 1]
budget: {images: 6400}
samples: 40
datasets: [digits]
models: [vae/mlp]
metrics: [mse, precision, training_time]
"""


@pytest.fixture
def cells(tmp_path) -> list[Cell]:
    (tmp_path / "suite.yaml").write_text(SUITE)
    plan = make_plan(load_suite(str(tmp_path / "suite.yaml")), "cpu", None)
    return [cell for cell in plan.cells if cell.is_trained]


def test_a_cell_is_measured_and_another_seed_of_it_is_not(cells: list[Cell]):
    told: list[str] = []
    datasets = {"digits": load_dataset("digits")}
    found = estimate_suite(cells, cells, datasets, {}, told.append).forecasts
    assert told == ["digits · vae/mlp"]
    forecast = found["digits", "vae/mlp"]
    assert forecast.measured
    assert min(forecast.training, forecast.evaluation, forecast.memory) > 0
    # Adam has two moments of each weight; a checkpoint has the random states too.
    assert forecast.weights > 4 * 1000
    assert forecast.checkpoint > 3 * 0.9 * forecast.weights


def test_what_a_finished_seed_took_another_will_take(cells: list[Cell]):
    took = record(seconds=123.0, evaluation_seconds=45.0, memory_bytes=10**9)
    records = {cells[0].training_key: took}
    datasets = {"digits": load_dataset("digits")}
    found = estimate_suite(cells, cells[1:], datasets, records).forecasts["digits", "vae/mlp"]
    assert (found.training, found.evaluation, found.memory) == (123.0, 45.0, 10**9)
    assert not found.measured
    assert math.isfinite(found.once)


@pytest.mark.parametrize(
    ("dataset", "model"),
    [
        ("digits[super=2]", "translation/unet-l1"),
        ("digits[unpaired=outlines]", "translation/cyclegan"),
    ],
)
def test_images_as_they_are_are_measured_like_models(tmp_path, dataset: str, model: str):
    text = SUITE.replace("[digits]", f"['{dataset}']").replace("vae/mlp", model)
    (tmp_path / "suite.yaml").write_text(text.replace("mse, precision", "mse"))
    plan = make_plan(load_suite(str(tmp_path / "suite.yaml")), "cpu", None)
    cells = [cell for cell in plan.cells if cell.model == SOURCE_IMAGES]
    (found,) = estimate_suite(cells, cells, plan.datasets, {}).forecasts.values()
    assert found.training == 0
    assert found.evaluation > 1e-5


def test_points_in_training_are_forecast_from_the_first_that_is_measured_alike(
    monkeypatch: pytest.MonkeyPatch,
):
    fid, recall = (Mock(metric=name) for name in ("fid", "recall"))
    asked = {"m": (fid, recall), "m@0.1": (fid,), "m@0.5": (fid,), "m@0.9": (recall,)}
    shown = {"m": 1000, "m@0.1": 100, "m@0.5": 500, "m@0.9": 900}
    cells = [replace(cell(m), images=shown[m], planned_measurements=asked[m]) for m in asked]
    measured: list[str] = []

    def forecast(cell: Cell, *_: object) -> Forecast:
        measured.append(cell.model)
        return replace(SMALL, training=cell.images / 100)

    monkeypatch.setattr(module, "_forecast", forecast)
    found = estimate_suite(cells, cells, {"digits": None}, {}).forecasts  # type: ignore[dict-item]
    assert measured == ["m", "m@0.1", "m@0.9"]
    assert found["digits", "m@0.5"] == replace(SMALL, training=5.0)
    # What one took that is finished is known of it.
    finished = {cells[2].training_key: record(seconds=7)}
    estimate_suite(cells, cells, {"digits": None}, finished)  # type: ignore[dict-item]
    assert measured[3:] == list(shown)
