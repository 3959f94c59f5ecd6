"""What a user of MLflow finds without our report: models, their numbers, images by step."""

import io
import shutil
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import LoggedModelStatus
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ENDPOINT_NOT_FOUND
from PIL import Image

from harness.core.measurement import Measurement
from harness.core.protocol import Protocol
from harness.tracking import Store, default_uri
from harness.tracking.records import NUMBER, OLD_NUMBER, numbers
from harness.tracking.step_images import image_files

CELL = {"dataset": "digits", "model": "gan/dcgan", "seed": 0}
MODEL = {
    "name": "gan/dcgan", "type": "gan", "params": {"seed": "0"}, "tags": {"harness.weights": "ab"},
    "step": 500, "flavors": {"harness": {"weights": "weights/model.safetensors"}},
}  # fmt: skip


def row(value: float = 3.5, key: str = "k") -> Measurement:
    return Measurement("fid", "ok", Protocol("fid"), key, value)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(default_uri(tmp_path), tmp_path)


@pytest.fixture
def run_id(store: Store) -> str:
    parent = store.open_suite("tiny", "key", {})
    run_id = store.open_cell(parent, "a cell", "training", CELL).run_id
    store.log_datasets(
        run_id, [("training", "digits", "aa" * 32), ("evaluation", "test", "bb" * 32)]
    )
    return run_id


def models(store: Store) -> list:
    places = list(store.experiments().values())
    return list(store.client.search_logged_models(places))


def test_a_model_is_linked_to_its_run_its_numbers_and_their_images(store: Store, run_id: str):
    store.log_model(run_id, MODEL)
    store.record(run_id, [row()])
    (model,) = models(store)
    assert (model.name, model.source_run_id, model.model_type) == ("gan-dcgan", run_id, "gan")
    assert model.status == LoggedModelStatus.READY
    assert model.params == {"seed": "0"}
    (metric,) = model.metrics
    assert (metric.key, metric.value, metric.run_id) == ("fid", 3.5, run_id)
    assert (metric.dataset_name, metric.dataset_digest) == ("test", "bb" * 16)
    run = store.client.get_run(run_id)
    assert run.data.metrics["fid"] == 3.5
    assert [(o.model_id, o.step) for o in run.outputs.model_outputs] == [(model.model_id, 500)]


def test_a_model_is_logged_once_also_where_a_process_died_as_it_was(store: Store, run_id: str):
    experiment = store.client.get_run(run_id).info.experiment_id
    begun = store.client.create_logged_model(experiment, name="x", source_run_id=run_id)
    for _ in range(2):
        store.log_model(run_id, MODEL)
        store = Store(store.uri, store.folder)
    (model,) = models(store)
    assert (model.model_id, model.status) == (begun.model_id, LoggedModelStatus.READY)


def test_numbers_of_a_model_can_be_written_again(store: Store, run_id: str):
    store.log_model(run_id, MODEL)
    for value in (3.5, 3.5, 4.5):
        store.record(run_id, [row(value)])
    store.settle([run_id])
    (model,) = models(store)
    assert sorted(metric.value for metric in model.metrics) == [3.5, 3.5, 4.5]
    assert store.client.get_run(run_id).data.metrics["fid"] == 4.5


def test_a_run_of_an_earlier_version_has_numbers_and_no_model(store: Store, run_id: str):
    store.record(run_id, [row()])
    assert store.client.get_run(run_id).data.metrics["fid"] == 3.5
    assert models(store) == []


def test_a_model_can_be_registered_and_read_where_the_store_was_moved(
    store: Store, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store.log_model(run_id, MODEL)
    (model,) = models(store)
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("mlflow.db", "mlartifacts"):
        shutil.move(tmp_path / name, moved / name)
    store = Store(default_uri(moved), moved)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    version = mlflow.register_model(f"models:/{model.model_id}", "digits")
    assert version.source == f"models:/{model.model_id}"
    folder = Path(mlflow.artifacts.download_artifacts("models:/digits/1"))
    assert f"run_id: {run_id}" in (folder / "MLmodel").read_text()


def test_a_server_without_models_costs_a_warning(
    store: Store, run_id: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def refuse(*_, **__):
        raise MlflowException("no such endpoint", ENDPOINT_NOT_FOUND)

    monkeypatch.setattr(store.client, "create_logged_model", refuse)
    store.log_model(run_id, MODEL)
    store.record(run_id, [row()])
    assert "no model in MLflow's list of models (no such endpoint)" in caplog.text
    assert store.client.get_run(run_id).data.metrics["fid"] == 3.5
    assert not store.journal.runs()


def test_images_by_step_are_what_mlflow_itself_would_log(store: Store, run_id: str, tmp_path: Path):
    buffer = io.BytesIO()
    Image.new("L", (600, 300)).save(buffer, "PNG")
    for step in (100, 200, 200):
        store.log_image(run_id, "samples", step, buffer.getvalue())
    names = sorted(item.path for item in store.client.list_artifacts(run_id, "images"))
    assert [name.split("+")[:3] for name in names[::2]] == [
        ["images/samples", "step", "100"],
        ["images/samples", "step", "200"],
    ]
    store.client.log_image(run_id, Image.new("L", (600, 300)), key="theirs", step=1)
    theirs = {i.path for i in store.client.list_artifacts(run_id, "images")} - {*names}
    assert [len(name.split("+")) for name in sorted(theirs)] == [
        len(name.split("+")) for name in names[:2]
    ]
    assert store.client.get_run(run_id).data.tags["mlflow.loggedImages"] == "True"
    small = Image.open(io.BytesIO(store.get(run_id, names[0])))
    assert (small.format, small.size) == ("WEBP", (256, 128))


def test_names_of_images_repeat():
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    one, other = (image_files("r", "a/b", step, buffer.getvalue()) for step in (1, 2))
    assert one.keys() == image_files("r", "a/b", 1, buffer.getvalue()).keys()
    assert not one.keys() & other.keys()


def test_numbers_are_hidden_tags_and_those_of_earlier_versions_are_read(store: Store, run_id: str):
    store.tag(run_id, {f"{OLD_NUMBER}fid.k": row(1.0).to_json()})
    store.tag(run_id, {f"{OLD_NUMBER}fid.other": row(2.0, "other").to_json()})
    store.record(run_id, [row(3.5)])
    run = store.client.get_run(run_id)
    assert {r.key: r.value for r in numbers(run)} == {"k": 3.5, "other": 2.0}
    assert len(numbers(run)) == 2
    assert NUMBER.startswith("mlflow."), "which MLflow's pages hide"
