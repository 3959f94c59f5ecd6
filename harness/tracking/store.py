"""Runs in MLflow: a parent a suite, a child a cell, and the tags that finished work is found by.

A cell's run is found by its training key, wherever in the tracking store it lies. Each number is a
tag of that run, named after the metric and the measurement key, whose value is the whole row of the
table; MLflow's own metric of the same name is there for browsing. So one search returns everything
a table needs.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from harness.keys import digest
from harness.spec.errors import BadInput, TryLater
from harness.spec.measurement import Measurement
from harness.tracking import sqlite
from harness.tracking.journal import Journal, Write
from harness.tracking.uses import USE, USED_BY, Use

NUMBER = "harness.number."
SELFTESTS = "selftests"
"""The experiment of self-tests, which belong to no suite."""
RACES = 6
"""Attempts at a write that another process may be making at the same moment."""
SERVER_SECONDS = 10
"""How long a server may take for its first answer."""
FEW = 20
"""So many keys are asked for one by one, which is quicker than to look through all cells."""
MAX_TAG = 7500
"""MLflow stores tag values of up to 8,000 characters."""


@dataclass(frozen=True)
class Record:
    """What the store knows of a cell.

    `status` is "training" until there are weights, then "trained", and "diverged" or "failed" with
    a `reason` where training ended so.
    """

    run_id: str
    training_key: str
    status: str
    reason: str
    measurements: dict[str, Measurement]
    """By measurement key."""
    facts: dict[str, str]
    """What else was recorded of it: training seconds, parameters, device."""
    parent: str = ""
    uses: frozenset[str] = frozenset()
    """The tags of `harness.tracking.uses`."""


def default_uri(folder: Path) -> str:
    """The tracking store that is used when nobody named one: SQLite beside the results."""
    return f"sqlite:///{(folder / 'mlflow.db').resolve()}"


class Store:
    """A tracking store, local (SQLite) or remote (an MLflow server)."""

    def __init__(self, uri: str, folder: Path) -> None:
        self.uri = uri
        self.folder = folder
        self.local = uri.startswith("sqlite:")
        if self.local:
            folder.mkdir(parents=True, exist_ok=True)
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        # A busy database is waited for: several cells write to it at a time.
        connection = f"{uri}{'&' if '?' in uri else '?'}timeout=60" if self.local else uri
        # Of two commands that begin at once, one makes the tables.
        with FileLock(folder / ".mlflow.lock") if self.local else nullcontext():
            self.client = MlflowClient(tracking_uri=connection)
        self.journal = Journal(folder / "unlogged" / digest(uri)[:12])

    def connect(self) -> None:
        """Log what the store did not take before, if anything. Raises TryLater where the store
        cannot be reached, or still does not take it.
        """
        waiting = self.journal.runs()
        kept = (
            f"; results of {len(waiting)} runs are kept in {self.journal.folder}, and the next "
            "command logs them"
            if waiting
            else ""
        )
        try:
            if not self.local:
                check_server(self.uri)
            self.journal.replay(self._send)
        except Exception as error:
            raise TryLater(f"{self.uri}: {brief(error)}{kept}") from error

    # -- suites -------------------------------------------------------------------------------

    def open_suite(self, suite: str, key: str, tags: Mapping[str, str]) -> str:
        """The parent run of a suite under one budget and machine; made when there is none.

        A widened suite (a seed, a model, a metric more) continues its run.
        """
        experiment = self._experiment(suite)
        if run_id := self._keyed(experiment, "suite_key", key):
            self.client.update_run(run_id, status="RUNNING")
        else:
            run_id = self._create(experiment, suite, {"harness.kind": "suite"})
        self.tag(run_id, {"harness.suite_key": key, **tags})
        return run_id

    def find_suite(self, suite: str, key: str) -> str | None:
        """The parent run of a suite, or None."""
        experiment = self.client.get_experiment_by_name(suite)
        return self._keyed(str(experiment.experiment_id), "suite_key", key) if experiment else None

    def planned_suite(self, suite: str, key: str) -> str:
        """As `find_suite`; made where there is none, as a run that is yet to begin."""
        if run_id := self.find_suite(suite, key):
            return run_id
        tags = {"harness.kind": "suite", "harness.suite": suite, "harness.suite_key": key}
        run_id = self._create(self._experiment(suite), suite, tags)
        self.client.update_run(run_id, status="SCHEDULED")
        return run_id

    def log_summary(self, run_id: str, values: Mapping[str, float]) -> None:
        """Aggregates over seeds, on the parent: MLflow rolls nothing up."""
        self._log(run_id, [(metric_name(name), value, 0) for name, value in values.items()])

    def finish(self, run_id: str, ok: bool = True) -> None:
        """Close a run."""
        self._write(run_id, Write("end", {"status": "FINISHED" if ok else "FAILED"}))

    def interrupt(self, run_id: str) -> None:
        """Close a run that its user stopped; it can be continued."""
        self._write(run_id, Write("end", {"status": "KILLED"}))

    # -- cells --------------------------------------------------------------------------------

    def open_cell(
        self, parent: str, name: str, training_key: str, params: Mapping[str, Any]
    ) -> Record:
        """The record of the cell with this training key; made under `parent` if there is none."""
        if record := self.find(training_key):
            return record
        experiment = self.client.get_run(parent).info.experiment_id
        tags = {
            "harness.kind": "cell",
            "harness.training_key": training_key,
            "harness.status": "training",
            "mlflow.parentRunId": parent,
            **{f"harness.{axis}": str(params[axis]) for axis in ("dataset", "model", "seed")},
        }
        run_id = self._create(experiment, name, tags)
        self.client.log_batch(run_id, params=[Param(k, str(v)[:6000]) for k, v in params.items()])
        return Record(run_id, training_key, "training", "", {}, {}, parent)

    def find(self, training_key: str) -> Record | None:
        """The cell with this training key, or None."""
        return self.records([training_key]).get(training_key)

    def records(self, training_keys: Sequence[str], suite: str = "") -> dict[str, Record]:
        """The cells with these training keys that the store knows, by key; the oldest where two
        commands made one at the same moment.

        MLflow takes milliseconds for each run that it returns. So those of `suite`, where it is
        named, are looked through first, and all others only for keys that it lacks.
        """
        places = self.experiments()
        own = [place for name, place in places.items() if name == suite]
        others = [place for name, place in places.items() if name != suite]
        found: dict[str, Record] = {}
        for experiments in (own, others):
            if missing := set(training_keys) - found.keys():
                found |= self._look(missing, experiments)
        return found

    def _look(
        self, training_keys: Collection[str], experiments: Sequence[str]
    ) -> dict[str, Record]:
        """The cells with these keys in some experiments."""
        queries = ["tags.`harness.kind` = 'cell'"]
        if len(training_keys) <= FEW:
            queries = [f"tags.`harness.training_key` = '{key}'" for key in training_keys]
        return {
            record.training_key: record
            for query in queries
            for run in self.search(experiments, query)
            if (record := as_record(run, training_keys))
        }

    def add_use(self, record: Record, use: Use) -> None:
        """Say that a suite has the cell, where that is not known yet."""
        if use.tag not in record.uses:
            found_by = {} if use.parent == record.parent else {USED_BY + use.parent: "yes"}
            self.tag(record.run_id, {use.tag: use.to_json(), **found_by})

    def record(self, run_id: str, measurements: Iterable[Measurement]) -> None:
        """Add numbers to a cell: each becomes visible whole or not at all."""
        rows = list(measurements)
        self._log(
            run_id, [(metric_name(m.metric), m.value, 0) for m in rows if m.value is not None]
        )
        if rows:
            tags = {f"{NUMBER}{m.metric}.{m.key}": m.to_json() for m in rows}
            self._write(run_id, Write("tags", tags))

    def set_status(self, run_id: str, status: str, reason: str = "", **facts: Any) -> None:
        """Where a cell stands, with facts about its training."""
        named = {f"harness.fact.{name}": str(value) for name, value in facts.items()}
        self.tag(run_id, {"harness.status": status, "harness.reason": reason, **named})

    def open_score(self, key: str, name: str, params: Mapping[str, Any]) -> str:
        """The run of sets of images that were compared without a suite; made if there is none."""
        experiment = self._experiment("score")
        if run_id := self._keyed(experiment, "score_key", key):
            return run_id
        run_id = self._create(experiment, name, {"harness.kind": "score", "harness.score_key": key})
        self.client.log_batch(run_id, params=[Param(k, str(v)[:6000]) for k, v in params.items()])
        return run_id

    def open_selftest(self, key: str, name: str, tags: Mapping[str, str]) -> str:
        """The run of a self-test of metrics; made if there is none."""
        experiment = self._experiment(SELFTESTS)
        if run_id := self._keyed(experiment, "selftest_key", key):
            return run_id
        return self._create(
            experiment, name, {"harness.kind": "selftest", "harness.selftest_key": key, **tags}
        )

    def selftests(self, dataset_digest: str) -> dict[str, dict[str, str]]:
        """The tags of every self-test on this dataset, by the id of its run."""
        experiment = self.client.get_experiment_by_name(SELFTESTS)
        if experiment is None or experiment.lifecycle_stage == "deleted":
            return {}
        query = f"tags.`harness.dataset_digest` = '{dataset_digest}'"
        found = self.search([str(experiment.experiment_id)], query)
        return {str(run.info.run_id): dict(run.data.tags) for run in found}

    # -- what hangs on a run ------------------------------------------------------------------

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags."""
        self._write(run_id, Write("tags", {name: text[:MAX_TAG] for name, text in tags.items()}))

    def log_curves(self, run_id: str, points: Iterable[tuple[int, str, float]]) -> None:
        """Curves as (images shown, name, value): MLflow's step is the number of images shown, so
        that models with different batch sizes share an axis.
        """
        self._log(run_id, [(metric_name(name), value, images) for images, name, value in points])

    def curves(self, run_id: str) -> list[tuple[int, str, float]]:
        """What `log_curves` wrote."""
        names = [n for n in self.client.get_run(run_id).data.metrics if n.startswith("train/")]
        history = self.client.get_metric_history
        return [
            (int(m.step), name, float(m.value)) for name in names for m in history(run_id, name)
        ]

    def curves_of(
        self, run_ids: Iterable[str]
    ) -> Iterator[tuple[str, list[tuple[int, str, float]]]]:
        """The `curves` of many runs, one after the other."""
        if self.local:
            sqlite.count_rows(self.uri)
        for run_id in run_ids:
            yield run_id, self.curves(run_id)

    def put(self, run_id: str, path: str, content: bytes | str) -> None:
        """Store a small file as the artifact `path`."""
        folder, _, name = path.rpartition("/")
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / name
            file.write_bytes(content.encode() if isinstance(content, str) else content)
            self.put_file(run_id, file, folder)

    def put_file(self, run_id: str, file: Path, folder: str) -> None:
        """Store a file as an artifact in `folder`."""
        self._write(run_id, Write("artifact", {"folder": folder}, file))

    def get(self, run_id: str, path: str) -> bytes | None:
        """The content of an artifact, or None where there is none."""
        with tempfile.TemporaryDirectory() as scratch:
            try:
                file = self.client.download_artifacts(run_id, path, scratch)
            except (MlflowException, OSError):
                return None
            return Path(file).read_bytes()

    def log_datasets(self, run_id: str, inputs: Sequence[tuple[str, str, str]]) -> None:
        """Datasets as (context, name, digest): MLflow shows them as a run's inputs."""
        self._write(run_id, Write("inputs", {"datasets": [list(entry) for entry in inputs]}))

    # -- reading ------------------------------------------------------------------------------

    def experiments(self) -> dict[str, str]:
        """The ids of all experiments by name. A suite's is called as the suite is."""
        found: dict[str, str] = {}
        token = None
        while True:
            page = self.client.search_experiments(page_token=token)
            found |= {str(e.name): str(e.experiment_id) for e in page}
            if not (token := page.token):
                return found

    def search(self, experiments: Sequence[str], query: str) -> Iterator[Run]:
        """Runs of some experiments, newest first, a page in memory at a time. In a dict a later one
        overwrites an earlier, so that the oldest stays.
        """
        token = None
        while experiments:
            with _without_collection():
                page = self.client.search_runs(
                    list(experiments), query, max_results=1000, page_token=token
                )
            yield from page
            if not (token := page.token):
                return

    # -- writing ------------------------------------------------------------------------------

    def _log(self, run_id: str, values: Sequence[tuple[str, float, int]]) -> None:
        """Metrics as (name, value, step)."""
        for part in _chunks(values, 500):
            self._write(run_id, Write("metrics", {"values": [list(value) for value in part]}))

    def _write(self, run_id: str, write: Write) -> None:
        """Send a write to a run; keep it where it is not taken, and all that follow it."""
        if not self.journal.holds(run_id):
            try:
                self._send(run_id, write)
                return
            except Exception as error:
                logging.getLogger(__name__).warning(
                    "%s does not take results (%s); they are kept in %s",
                    self.uri, brief(error), self.journal.folder,
                )  # fmt: skip
        self.journal.keep(run_id, write)

    def _send(self, run_id: str, write: Write) -> None:
        client, values = self.client, write.values
        match write.kind:
            case "metrics":
                metrics = [Metric(name, value, 0, step) for name, value, step in values["values"]]
                client.log_batch(run_id, metrics=metrics)
            case "tags":
                client.log_batch(run_id, tags=[RunTag(name, text) for name, text in values.items()])
            case "artifact":
                client.log_artifact(run_id, str(write.file), values["folder"] or None)
            case "inputs":
                self._send_inputs(run_id, values["datasets"])
            case "end":
                client.set_terminated(run_id, values["status"])

    def _send_inputs(self, run_id: str, inputs: Sequence[Sequence[str]]) -> None:
        datasets = [
            DatasetInput(
                Dataset(name, sha[:32], "harness", json.dumps({"name": name})),
                [InputTag("mlflow.data.context", context)],
            )
            for context, name, sha in inputs
        ]
        for attempt in range(RACES):
            try:
                self.client.log_inputs(run_id, datasets=datasets)
                return
            except MlflowException:  # another cell registered the same dataset at that moment
                if attempt == RACES - 1:
                    raise
                time.sleep(0.1 * 2**attempt)

    # -- plumbing -----------------------------------------------------------------------------

    def _experiment(self, name: str) -> str:
        if experiment := self.client.get_experiment_by_name(name):
            if experiment.lifecycle_stage == "deleted":
                raise BadInput(
                    f"the MLflow experiment {name!r} in {self.uri} was deleted; restore it with "
                    f"`mlflow experiments restore -x {experiment.experiment_id}`"
                )
            return str(experiment.experiment_id)
        place = (self.folder / "mlartifacts").resolve().as_uri() if self.local else None
        try:
            return str(self.client.create_experiment(name, artifact_location=place))
        except MlflowException:  # another command made it a moment ago
            experiment = self.client.get_experiment_by_name(name)
            if experiment is None:
                raise
            return str(experiment.experiment_id)

    def _create(self, experiment: str, name: str, tags: Mapping[str, str]) -> str:
        return str(self.client.create_run(experiment, run_name=name, tags=dict(tags)).info.run_id)

    def _keyed(self, experiment: str, tag: str, key: str) -> str | None:
        """The newest run of an experiment with this key, or None."""
        run = next(self.search([experiment], f"tags.`harness.{tag}` = '{key}'"), None)
        return str(run.info.run_id) if run else None


@contextmanager
def _without_collection() -> Iterator[None]:
    """MLflow makes about a hundred objects for each run that it returns, and none is garbage before
    the page is there: looking for some meanwhile takes longer than all the rest.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def check_server(uri: str) -> None:
    """TryLater where nothing answers at an address. Whatever answers is left to MLflow, which tries
    again for minutes where a server is away for a moment.
    """
    if not uri.startswith(("http://", "https://")):
        return
    try:
        urlopen(uri, timeout=SERVER_SECONDS).close()
    except HTTPError:
        return
    except OSError as error:  # URLError is one
        raise TryLater(
            f"no MLflow server answers ({brief(error)}); start it, or name another store with "
            "--tracking-uri or MLFLOW_TRACKING_URI"
        ) from error


def brief(error: Exception) -> str:
    """An error in one line of at most 200 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:199] + "…"


def metric_name(text: str) -> str:
    """`text` with the characters that MLflow refuses in a metric's name replaced."""
    return re.sub(r"[^\w/. :-]", "_", text.replace("[", ":").rstrip("]"))


def as_record(run: Run, training_keys: Container[str]) -> Record | None:
    """The run as what is known of a cell, or None where its key is not one of those."""
    tags = run.data.tags
    if (key := tags.get("harness.training_key", "")) not in training_keys:
        return None
    prefix = "harness.fact."
    return Record(
        run_id=str(run.info.run_id),
        training_key=key,
        status=tags.get("harness.status", "training"),
        reason=tags.get("harness.reason", ""),
        measurements={row.key: row for row in numbers(run)},
        facts={k.removeprefix(prefix): v for k, v in tags.items() if k.startswith(prefix)},
        parent=tags.get("mlflow.parentRunId", ""),
        uses=frozenset(name for name in tags if name.startswith(USE)),
    )


def numbers(run: Run) -> list[Measurement]:
    """The numbers that a run has."""
    return [Measurement.from_json(v) for k, v in run.data.tags.items() if k.startswith(NUMBER)]


def _chunks(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (values[start : start + size] for start in range(0, len(values), size))
