from pathlib import Path

import pytest

from harness.core.errors import BadInput
from harness.core.measurement import Measurement
from harness.core.protocol import Protocol
from harness.tracking import Store, default_uri
from harness.tracking.environment import environment
from harness.tracking.store import metric_name

CELL = {"dataset": "digits[unseen=8]", "model": "gan/dcgan", "seed": 0, "lr": 2e-4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def store(folder: Path) -> Store:
    return Store(default_uri(folder), folder)


@pytest.fixture(scope="module")
def parent(store: Store) -> str:
    return store.open_suite("tiny", "suite-key", {"harness.budget": "10"})


def row(metric: str, value: float | None, key: str) -> Measurement:
    status = "failed" if value is None else "ok"
    return Measurement(metric, status, Protocol(metric), key, value, reason="why")


def test_a_widened_suite_continues_its_run(store: Store, parent: str):
    assert store.open_suite("tiny", "suite-key", {}) == parent
    assert store.open_suite("tiny", "another budget", {}) != parent


def test_a_cell_is_found_by_its_training_key_and_made_once(store: Store, parent: str):
    assert store.find("key-1") is None
    made = store.open_cell(parent, "a cell", "key-1", CELL)
    assert store.open_cell(parent, "a cell", "key-1", CELL).run_id == made.run_id
    run = store.client.get_run(made.run_id)
    assert run.data.tags["mlflow.parentRunId"] == parent
    assert run.data.params["model"] == "gan/dcgan"


def test_numbers_come_back_to_the_last_bit_and_a_second_try_replaces_a_failure(
    store: Store, parent: str
):
    run_id = store.open_cell(parent, "b", "key-2", CELL).run_id
    store.record(run_id, [row("fid", 1 / 3, "k1"), row("kid", None, "k2")])
    store.set_status(run_id, "trained", seconds=1.5)
    record = store.records(["key-2", "unknown"])["key-2"]
    assert record.measurements["k1"].value == 1 / 3
    assert record.measurements["k2"].status == "failed"
    assert (record.status, record.facts) == ("trained", {"seconds": "1.5"})
    store.record(run_id, [row("kid", 0.25, "k2")])
    again = store.find("key-2")
    assert again is not None
    assert again.measurements["k2"].value == 0.25


def test_curves_keep_their_axis_of_images_shown(store: Store, parent: str):
    run_id = store.open_cell(parent, "c", "key-3", CELL).run_id
    points = [(64 * i, "train/generator/loss", 1 / (i + 1)) for i in range(600)]
    store.log_curves(run_id, points)
    assert store.curves(run_id) == points
    other = store.open_cell(parent, "o", "key-3b", CELL).run_id
    assert dict(store.curves_of([run_id, other])) == {run_id: points, other: []}


def test_artifacts_and_dataset_inputs(store: Store, parent: str):
    run_id = store.open_cell(parent, "d", "key-4", CELL).run_id
    store.put(run_id, "pictures/samples.png", b"\x89PNG")
    assert store.get(run_id, "pictures/samples.png") == b"\x89PNG"
    assert store.get(run_id, "pictures/none.png") is None
    store.log_datasets(run_id, [("training", "digits", "ab" * 32)])
    inputs = store.client.get_run(run_id).inputs.dataset_inputs
    assert [(i.dataset.name, i.tags[0].value) for i in inputs] == [("digits", "training")]


def test_names_that_mlflow_refuses_are_made_acceptable():
    assert (
        metric_name("digits[unseen=8]/gan/dcgan/fid mean") == "digits:unseen_8_/gan/dcgan/fid mean"
    )


def test_an_experiment_opens_as_the_development_of_models(store: Store):
    store.open_suite("opened", "k", {})
    experiment = store.client.get_experiment_by_name("opened")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


def test_a_deleted_experiment_is_bad_input_that_says_how_to_restore_it(tmp_path: Path):
    store = Store(default_uri(tmp_path), tmp_path)
    store.open_suite("gone", "k", {})
    store.client.delete_experiment(store.client.get_experiment_by_name("gone").experiment_id)
    with pytest.raises(BadInput, match="mlflow experiments restore"):
        store.open_suite("gone", "k", {})


def test_the_environment_names_packages_and_commit_but_no_place():
    facts = environment()
    assert {"harness", "commit", "python", "torch", "mlflow"} <= set(facts)
    assert not any("/" in value for value in facts.values())
