"""The estimate of a suite, from the costs of its cells, and from cells that are finished."""

from dataclasses import replace
from datetime import UTC, datetime
from unittest.mock import Mock

import pytest
import torch

from harness.cell.run_page import params_of
from harness.config.suite import load_suite
from harness.core.measurement import SOURCE_IMAGES, Measurement
from harness.data import load_dataset
from harness.engine import estimate as module
from harness.engine.cell_cost import CellCost
from harness.engine.cell_scheduler import ALONE, CONTEXT, memory_needs
from harness.engine.estimate import (
    BESIDE_OTHERS,
    CHECKPOINT_BYTES,
    RECORD_BYTES,
    WEIGHT_BYTES,
    SuiteEstimate,
    estimate_suite,
    past_cost,
)
from harness.plan import Cell, make_plan
from harness.tracking import Record
from harness.tracking.collection import StoredRun
from harness.tracking.names import metric_name
from harness.training.checkpoint import KEPT

SMALL = CellCost(10.0, 2.0, memory=100, parameters=3, once=5.0, is_measured=False)
LARGE = CellCost(40.0, 4.0, memory=900, parameters=30, once=5.0, is_measured=False)
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


def test_a_cell_that_was_measured_alone_takes_longer_beside_others():
    measured = SuiteEstimate({("digits", "small"): CellCost(10.0, 2.0, once=5.0)})
    cells = [cell("small"), cell("small", 1)]
    assert measured.seconds(cells[:1], {}, jobs=1) == 17
    assert measured.seconds(cells, {}, jobs=2) == 5 + 12 * BESIDE_OTHERS


def test_what_is_done_once_is_done_for_each_dataset():
    elsewhere = SuiteEstimate({("digits", "small"): SMALL, ("mnist", "small"): SMALL})
    cells = [cell("small", seed, dataset) for dataset in ("digits", "mnist") for seed in (0, 1)]
    assert elsewhere.seconds(cells, {}, jobs=1) == 4 * 12 + 2 * 5


def test_disk_is_weights_records_and_features_and_the_checkpoints_of_those_that_run():
    known = SuiteEstimate(
        {pair: replace(cost, once_bytes=1000) for pair, cost in KNOWN.costs.items()}
    )
    cells = [cell("small"), cell("small", 1), cell("large")]
    left, checkpoints = known.disk(cells, jobs=2)
    assert left == WEIGHT_BYTES * (3 + 3 + 30) + 3 * RECORD_BYTES + 1000
    two_largest = CHECKPOINT_BYTES * (30 + 3)
    assert checkpoints == (KEPT + 1) * two_largest, "a new one beside those kept"


def test_what_was_written_is_read(monkeypatch: pytest.MonkeyPatch):
    for name in ("identify", "planned_suite", "find_suite"):
        monkeypatch.setattr(module, name, Mock(return_value="run"))
    store = Mock()
    module.store_estimate(KNOWN, Mock(), store)
    store.get.return_value = store.put.call_args.args[2]
    assert module.last_estimate(Mock(), store) == KNOWN
    store.get.return_value = b'[{"dataset": "digits"}]'
    assert module.last_estimate(Mock(), store) is None, "written by another version"


def test_memory_is_what_finished_cells_took_then_what_was_estimated_then_all():
    cells = [cell("small"), cell("small", 1), cell("large"), cell("unknown")]
    records = {cells[0].training_key: record(memory_bytes=70)}
    assert memory_needs(cells, records, KNOWN.costs) == {
        cells[0].name: 70 + CONTEXT,
        cells[1].name: 70 + CONTEXT,
        cells[2].name: 900 + CONTEXT,
        cells[3].name: ALONE,
    }
    assert set(memory_needs(cells, {}, {}).values()) == {ALONE}


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
def vae(tmp_path) -> Cell:
    (tmp_path / "suite.yaml").write_text(SUITE)
    return make_plan(load_suite(str(tmp_path / "suite.yaml")), "cpu", None).cells[0]


def finished_run(cell: Cell, images: int, **changes: object) -> StoredRun:
    """The run of a finished cell of the same recipe, shown this many images."""
    params = params_of(replace(cell, images=images, seed=9)) | changes
    return StoredRun(
        run_id="run",
        kind="cell",
        started=datetime.now(UTC),
        model=cell.model,
        status="trained",
        reason="",
        numbers=tuple(
            Measurement(p.metric, "ok", p.protocol, p.key, 1.0) for p in cell.planned_measurements
        ),
        params={metric_name(name): str(value) for name, value in params.items()},
        facts={
            "seconds": "50",
            "evaluation_seconds": "4.5",
            "memory_bytes": "1000",
            "parameters": "77",
        },
        data={},
    )


def test_a_finished_cell_gives_the_cost_of_another_seed_and_budget(vae: Cell):
    cost = past_cost(vae, [finished_run(vae, vae.images // 2)])
    assert cost == CellCost(100.0, 4.5, 1000, 77, is_measured=False)


@pytest.mark.parametrize(
    "change", [{"numerics.name": "another machine"}, {"recipe.batch_size": 7}, {"family": "gan"}]
)
def test_a_finished_cell_of_another_machine_or_recipe_says_nothing(vae: Cell, change):
    assert past_cost(vae, [finished_run(vae, 100, **change)]) is None


def test_a_finished_cell_with_other_metrics_or_costs_missing_says_nothing(vae: Cell):
    run = finished_run(vae, 100)
    assert past_cost(vae, [replace(run, numbers=run.numbers[1:])]) is None
    assert past_cost(vae, [replace(run, facts={"seconds": "50"})]) is None


def store(monkeypatch: pytest.MonkeyPatch, *runs: StoredRun) -> Mock:
    monkeypatch.setattr(module, "collect", lambda store, dataset: runs)
    return Mock()


def test_cells_are_measured_only_where_none_is_finished(vae: Cell, monkeypatch):
    announced: list[str] = []
    monkeypatch.setattr(module, "measure_cost", lambda cell, dataset, rates: SMALL)
    cells, datasets = [vae, replace(vae, seed=1)], {"digits": load_dataset("digits")}
    costs = estimate_suite(cells, datasets, store(monkeypatch), announced.append).costs
    assert costs == {("digits", "vae/mlp"): SMALL}
    assert announced == ["digits · vae/mlp"], "one seed stands for all"
    past = store(monkeypatch, finished_run(vae, vae.images))
    costs = estimate_suite(cells, datasets, past, announced.append).costs
    assert costs["digits", "vae/mlp"].training == 50.0
    assert len(announced) == 1


@pytest.mark.parametrize(
    ("dataset", "model"),
    [
        ("digits[super=2]", "translation/unet-l1"),
        ("digits[unpaired=outlines]", "translation/cyclegan"),
    ],
)
def test_images_as_they_are_are_measured_like_models(tmp_path, monkeypatch, dataset, model):
    text = SUITE.replace("[digits]", f"['{dataset}']").replace("vae/mlp", model)
    (tmp_path / "suite.yaml").write_text(text.replace("mse, precision", "mse"))
    plan = make_plan(load_suite(str(tmp_path / "suite.yaml")), "cpu", None)
    cells = [cell for cell in plan.cells if cell.model == SOURCE_IMAGES]
    (cost,) = estimate_suite(cells, plan.datasets, store(monkeypatch)).costs.values()
    assert cost.training == 0
    assert cost.evaluation > 1e-5


def test_training_fractions_with_the_same_metrics_are_measured_once(vae: Cell, monkeypatch):
    mse, precision = vae.planned_measurements[:2]
    planned = {"m": (mse, precision), "m@0.1": (mse,), "m@0.5": (mse,), "m@0.9": (precision,)}
    images = {"m": 1000, "m@0.1": 100, "m@0.5": 500, "m@0.9": 900}
    cells = [
        replace(vae, model=m, images=images[m], planned_measurements=planned[m]) for m in planned
    ]
    measured: list[str] = []

    def measure(cell: Cell, dataset: object, rates: object) -> CellCost:
        measured.append(cell.model)
        return replace(SMALL, training=cell.images / 100)

    monkeypatch.setattr(module, "measure_cost", measure)
    costs = estimate_suite(cells, {"digits": load_dataset("digits")}, store(monkeypatch)).costs
    assert measured == ["m", "m@0.1", "m@0.9"]
    assert costs["digits", "m@0.5"].training == pytest.approx(5.0)


def test_datasets_of_one_size_are_measured_once(vae: Cell, monkeypatch):
    """Digits under another name; with another number of test images they are another matter."""
    digits = load_dataset("digits")
    fewer = replace(digits, test=digits.test.keep(torch.arange(len(digits.test)) < 99))
    named = replace(digits.card, classes=tuple(f"a {name}" for name in digits.card.classes))
    datasets = {"digits": digits, "same": replace(digits, card=named), "fewer": fewer}
    measured: list[str] = []

    def measure(cell: Cell, dataset: object, rates: object) -> CellCost:
        measured.append(cell.dataset)
        return SMALL

    monkeypatch.setattr(module, "measure_cost", measure)
    cells = [replace(vae, dataset=name) for name in datasets]
    costs = estimate_suite(cells, datasets, store(monkeypatch)).costs
    assert measured == ["digits", "fewer"]
    assert costs["same", "vae/mlp"] == SMALL
