"""Sends writes to a store, keeps them while the store is away, sets aside what it refuses
for good.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from harness.core.counting import counted
from harness.core.errors import TryLater
from harness.tracking.artifacts import Artifacts
from harness.tracking.journal import Journal, Write
from harness.tracking.logged_models import LoggedModels
from harness.tracking.refusals import brief, is_for_good, is_unanswered

RACES = 6
"""Attempts at a write that another process may be making at the same moment."""
BATCH = 100
"""Parameters or tags that MLflow takes at once."""
METRICS = 500
MAX_DATASET_NAME = 500


class Outbox:
    """Sends writes to one store, which messages call `name`."""

    def __init__(
        self,
        client: MlflowClient,
        artifacts: Artifacts,
        models: LoggedModels,
        journal: Journal,
        name: str,
    ) -> None:
        self._client = client
        self._artifacts = artifacts
        self._models = models
        self._name = name
        self._moment = 0
        self.journal = journal

    def write(self, run_id: str, write: Write) -> None:
        """Send a write to a run; keep it where it is not taken, and all that follow it."""
        if not self.journal.holds(run_id):
            try:
                self._send(run_id, write)
                return
            except Exception as error:
                if is_for_good(error):
                    self.journal.set_aside(run_id, write, error)
                    return
                self.keep(run_id, write, error)
                return
        self.journal.keep(run_id, write)

    def keep(self, run_id: str, write: Write, error: Exception) -> None:
        """Keep a write that the store does not take because of `error`, and say so in a warning."""
        logging.getLogger(__name__).warning(
            "%s does not take results (%s); they are kept in %s",
            self._name,
            brief(error),
            self.journal.folder,
        )
        self.journal.keep(run_id, write)

    def replay(self) -> None:
        """Send the kept writes; warn of those that are not taken yet, and keep them."""
        error = self.journal.replay(self._send)
        if error:
            logging.getLogger(__name__).warning(
                "%s does not take results (%s)%s", self._name, brief(error), self.kept()
            )

    def settle(self, run_ids: Collection[str]) -> None:
        """Raises TryLater where results of one of these runs are still kept."""
        if waiting := set(self.journal.runs()) & set(run_ids):
            raise TryLater(f"{self._name} does not take results{self.kept(waiting)}")

    def kept(self, run_ids: Collection[str] | None = None) -> str:
        """The end of a message: where results are kept; empty where none are."""
        count = len(self.journal.runs() if run_ids is None else run_ids)
        return (
            f"; results of {counted(count, 'run')} are kept in {self.journal.folder}, "
            "and the next command "
            "logs them"
            if count
            else ""
        )

    def _send(self, run_id: str, write: Write) -> None:
        client, values = self._client, write.values
        match write.kind:
            case "metrics":
                self._send_metrics(run_id, values)
            case "params":
                for part in batched(list(values.items()), BATCH):
                    client.log_batch(run_id, params=[Param(*pair) for pair in part])
            case "tags":
                for part in batched(list(values.items()), BATCH):
                    client.log_batch(run_id, tags=[RunTag(*pair) for pair in part])
            case "artifact" if write.file:
                self._artifacts.put(run_id, write.file, values["folder"])
            case "inputs":
                self._send_inputs(run_id, values["datasets"])
            case "model":
                self._models.log(run_id, values)
            case "end":
                client.set_terminated(run_id, values["status"])

    def _send_metrics(self, run_id: str, values: dict[str, Any]) -> None:
        """Metrics of a run, and of its model too where they are `of_model`."""
        link = self._models.link(run_id) if values.get("of_model") else None
        fields = link.fields() if link else {}
        moment = self._next_moment() if link else 0
        for part in batched(values["values"], METRICS):
            metrics = [
                Metric(name, value, moment, step, run_id=run_id, **fields)
                for name, value, step in part
            ]
            self._client.log_batch(run_id, metrics=metrics)

    def _next_moment(self) -> int:
        """Milliseconds since 1970, more at each call: of a model MLflow takes a metric once for
        each moment, and ends in an error where it is written again.
        """
        self._moment = max(self._moment + 1, time.time_ns() // 1_000_000)
        return self._moment

    def _send_inputs(self, run_id: str, inputs: Sequence[Sequence[str]]) -> None:
        datasets = [
            DatasetInput(
                Dataset(
                    name[:MAX_DATASET_NAME], sha[:32], "harness", json.dumps({"name": name[:5000]})
                ),
                [InputTag("mlflow.data.context", context)],
            )
            for context, name, sha in inputs
        ]
        for attempt in range(RACES):
            try:
                self._client.log_inputs(run_id, datasets=datasets)
                return
            except MlflowException as error:  # another cell registered the same dataset just then
                if attempt == RACES - 1 or is_unanswered(error):
                    raise
                time.sleep(0.1 * 2**attempt)


def batched(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """`values` in parts of `size` or fewer."""
    return (values[start : start + size] for start in range(0, len(values), size))
