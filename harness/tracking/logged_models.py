"""Models as MLflow has them: one for the weights of each trained cell, linked to its run, to the
images that it is evaluated on, and to its numbers.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import yaml
from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Run
from mlflow.exceptions import MlflowException

from harness.core.scratch import scratch
from harness.tracking.refusals import brief, is_outage

MODEL_FILE = "MLmodel"
"""The file by which MLflow knows a model, in its artifacts."""


@dataclass(frozen=True)
class ModelLink:
    """A run's model, and the dataset that its numbers are of: what MLflow adds to a metric."""

    model_id: str
    dataset_name: str | None
    dataset_digest: str | None

    def fields(self) -> dict[str, str | None]:
        """As `mlflow.entities.Metric` takes them."""
        return {
            "model_id": self.model_id,
            "dataset_name": self.dataset_name,
            "dataset_digest": self.dataset_digest,
        }


class LoggedModels:
    """The models of one store's runs. `folder` is for files on their way."""

    def __init__(self, client: MlflowClient, folder: Path) -> None:
        self._client, self._folder = client, folder
        self._links: dict[str, ModelLink] = {}

    def link(self, run_id: str) -> ModelLink | None:
        """The model of a run; None where it has none, such as one of an earlier version."""
        if run_id not in self._links:
            run = self._client.get_run(run_id)
            outputs = run.outputs.model_outputs if run.outputs else []
            if not outputs:
                return None
            self._links[run_id] = ModelLink(outputs[-1].model_id, *_evaluation_set(run))
        return self._links[run_id]

    def log(self, run_id: str, values: Mapping[str, Any]) -> None:
        """Give a run its model, unless it has one. `values` are its `name`, `type`, `params` and
        `tags`, the `step` of training it is from, and what its `MLmodel` says (`flavors`).

        A server of MLflow before version 3 has no models: a warning says so, and the run is as it
        was.
        """
        try:
            if self.link(run_id) is None:
                self._log(run_id, values)
        except MlflowException as error:
            if is_outage(error):
                raise
            logging.getLogger(__name__).warning(
                "run %s has no model in MLflow's list of models (%s)", run_id[:8], brief(error)
            )

    def _log(self, run_id: str, values: Mapping[str, Any]) -> None:
        experiment = str(self._client.get_run(run_id).info.experiment_id)
        model = self._begun(run_id, experiment) or self._client.create_logged_model(
            experiment,
            name=model_name(values["name"]),
            source_run_id=run_id,
            tags=values["tags"],
            params=values["params"],
            model_type=values["type"],
        )
        with scratch(self._folder) as aside:
            file = aside / MODEL_FILE
            document = {"model_id": model.model_id, "run_id": run_id, "flavors": values["flavors"]}
            file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
            self._client.log_model_artifact(model.model_id, str(file))
        self._client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        output = LoggedModelOutput(model.model_id, step=values["step"])
        self._client.log_outputs(run_id, [output])

    def _begun(self, run_id: str, experiment: str) -> LoggedModel | None:
        """The model that a process which died made for the run, if there is one."""
        models = self._client.search_logged_models(
            [experiment], filter_string=f"source_run_id = '{run_id}'", max_results=1
        )
        return next(iter(models), None)


def source_run(folder: Path) -> str:
    """The run that a model's artifacts, `MLmodel` among them, are of."""
    document = yaml.safe_load((folder / MODEL_FILE).read_text(encoding="utf-8"))
    return str(document["run_id"])


def current_uri() -> str:
    """The address of the store that MLflow itself works with."""
    return str(mlflow.get_tracking_uri())


def model_name(text: str) -> str:
    """`text` as MLflow takes it for the name of a model.

    >>> model_name("gan/dcgan")
    'gan-dcgan'
    """
    return re.sub(r"[^\w \-]+", "-", text)[:200] or "model"


def _evaluation_set(run: Run) -> tuple[str | None, str | None]:
    """The name and the digest of the images that a run's model is evaluated on."""
    inputs = run.inputs.dataset_inputs if run.inputs else []
    for entry in inputs:
        if any(tag.value == "evaluation" for tag in entry.tags):
            return entry.dataset.name, entry.dataset.digest
    return None, None
