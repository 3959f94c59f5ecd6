"""What `mlflow.pyfunc` loads of a run is the model that the harness loads of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import torch

import harness
from harness.data import load_dataset

SUITE: dict[str, Any] = {
    "title": "Two models of MLflow",
    "name": "listed",
    "seeds": [0],
    "budget": {"images": 64},
    "samples": 40,
    "datasets": ["digits"],
    "models": ["vae/vae", "autoencoder/conv"],
    "metrics": ["mse"],
}


@pytest.fixture
def uri(folder: Path) -> Iterator[str]:
    """A store with both models, as the one that MLflow works with."""
    before = mlflow.get_tracking_uri()
    harness.run(SUITE, output="out", device="cpu")
    uri = f"sqlite:///{folder}/out/mlflow.db"
    mlflow.set_tracking_uri(uri)
    yield uri
    mlflow.set_tracking_uri(before)


def listed(name: str) -> Any:
    experiment = mlflow.get_experiment_by_name("listed")
    (model,) = mlflow.search_logged_models(
        experiment_ids=[experiment.experiment_id],
        filter_string=f"name = '{name}'",
        output_format="list",
    )
    return model


def test_mlflow_loads_the_models_of_a_run(uri: str):
    vae, images = listed("vae-vae"), load_dataset("digits").test.images[:5]
    mlflow.register_model(f"models:/{vae.model_id}", "digits-generator")
    loaded = mlflow.pyfunc.load_model("models:/digits-generator/1")
    ours = harness.load_model(f"run:{vae.source_run_id}", tracking_uri=uri)
    samples = loaded.predict({"n": 6, "seed": 4})
    np.testing.assert_array_equal(samples, ours.sample(6, seed=4).numpy())
    with pytest.raises(harness.BadInput, match="vae/vae takes no labels"):
        loaded.predict({"n": 2, "labels": [0, 1]})

    plain = mlflow.pyfunc.load_model(f"models:/{listed('autoencoder-conv').model_id}")
    ours = harness.load_model(SUITE, "autoencoder/conv", output="out", device="cpu")
    made = ours.reconstruct(images)
    assert torch.equal(torch.from_numpy(plain.predict(images.numpy())), made)
    with pytest.raises(harness.BadInput, match="makes no new images"):
        plain.predict({"n": 2})
