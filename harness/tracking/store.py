"""Runs in MLflow: a parent a suite, a child a cell, and the tags that finished work is found by.

A cell's run is found by its training key, wherever in the tracking store it lies. Each number is a
tag of that run, named after the metric and the measurement key, whose value is the whole row of the
table; MLflow's own metric of the same name is there for browsing, on the run and on its model. So
one search returns everything a table needs.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from harness.core.errors import BadInput, TryLater
from harness.core.keys import digest
from harness.core.measurement import Measurement
from harness.core.scratch import scratch
from harness.core.secrets import without_passwords
from harness.tracking import sqlite
from harness.tracking.address import Address, read_address, shown
from harness.tracking.artifacts import Artifacts
from harness.tracking.cell_uses import USED_BY, CellUse, LastUse
from harness.tracking.connection import artifact_location, connected
from harness.tracking.journal import Journal, Write
from harness.tracking.logged_models import LoggedModels
from harness.tracking.names import MAX_NAME, MAX_PARAM, metric_name, number_text, valid_text
from harness.tracking.outbox import Outbox
from harness.tracking.reachability import check_reachable
from harness.tracking.records import FACT, NUMBER, Record, as_record
from harness.tracking.step_images import FOLDER, SHOWN, image_files

SELFTESTS = "selftests"
"""The experiment of self-tests, which belong to no suite."""
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""MLflow's interface then opens an experiment at its runs, not at traces of language models."""
DESCRIPTION = "mlflow.note.content"
"""The tag that MLflow's page of a run shows at its top, as Markdown."""
FEW = 20
"""So many keys are asked for one by one, which is quicker than to look through all cells."""


def journal_of(address: Address, folder: Path) -> Journal:
    """What waits in a folder to be logged to the store at an address."""
    return Journal(folder / "unlogged" / digest(address.identity)[:12])


class Store:
    """A tracking store, local (SQLite) or remote (an MLflow server, a database).

    `folder` is where what belongs to it is kept on this machine. Raises BadInput where the address
    is none, and TryLater where a database does not answer.
    """

    def __init__(self, uri: str, folder: Path) -> None:
        self.address = read_address(uri, folder)
        self.uri = self.address.uri
        self.folder = folder
        self.local = self.address.database is not None
        self.client = connected(self.address)
        self.artifacts = Artifacts(self.client, self.address, folder)
        self.journal = journal_of(self.address, folder)
        models = LoggedModels(self.client, folder)
        self.outbox = Outbox(self.client, self.artifacts, models, self.journal, self.name)
        for spelling in (uri, self.uri):  # earlier versions named the folder after it
            self.journal.adopt(self.journal.folder.with_name(digest(spelling)[:12]))

    @property
    def name(self) -> str:
        """The store's address as people may read it: without passwords."""
        return shown(self.uri)

    def check(self) -> None:
        """Raises TryLater or BadInput, at once, where no store answers; see `check_reachable`."""
        check_reachable(self.address)

    def connect(self) -> None:
        """Log what the store did not take before, if anything. Raises TryLater where the store
        cannot be reached.
        """
        try:
            self.check()
        except TryLater as error:
            raise TryLater(f"{error}{self.outbox.kept()}") from error
        self.outbox.replay()

    def settle(self, run_ids: Collection[str]) -> None:
        """Raises TryLater where results of one of these runs are kept, which it still lacks."""
        self.outbox.settle(run_ids)

    # -- suites -------------------------------------------------------------------------------

    def open_suite(self, suite: str, key: str, tags: Mapping[str, str]) -> str:
        """The parent run of a suite under one budget and machine; made when there is none.

        A widened suite (a seed, a model, a metric more) continues its run.
        """
        experiment = self._experiment(suite)
        suite_tags = {"harness.suite_key": key, **tags}
        if run_id := self._keyed(experiment, "suite_key", key):
            self.client.update_run(run_id, status="RUNNING")
        else:
            run_id = self._create(experiment, suite, {"harness.kind": "suite", **suite_tags})
        self.tag(run_id, suite_tags)
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
        """Close a run that its user stopped; it can be continued. Does not wait for a store that is
        away.
        """
        write = Write("end", {"status": "KILLED"})
        try:
            self.check()
        except BadInput as error:
            self.outbox.keep(run_id, write, error)
        else:
            self._write(run_id, write)

    # -- cells --------------------------------------------------------------------------------

    def open_cell(
        self,
        parent: str,
        name: str,
        training_key: str,
        params: Mapping[str, Any],
        description: str = "",
    ) -> Record:
        """The record of the cell with this training key; made under `parent` if there is none, with
        a `description` for people in MLflow's interface (Markdown).
        """
        if record := self.find(training_key):
            return self.complete(record, params)
        experiment = self.client.get_run(parent).info.experiment_id
        tags = {
            "harness.kind": "cell",
            "harness.training_key": training_key,
            "harness.status": "training",
            "mlflow.parentRunId": parent,
            **({DESCRIPTION: description} if description else {}),
            **{f"harness.{axis}": str(params[axis]) for axis in ("dataset", "model", "seed")},
        }
        run_id = self._create(experiment, name, tags)
        record = Record(run_id, training_key, "training", "", {}, {}, parent)
        return self.complete(record, params)

    def complete(self, record: Record, params: Mapping[str, Any]) -> Record:
        """The record after logging the parameters that its run lacks, if a process died as it wrote
        them. They are written in order, so that a run which has the last one has all.
        """
        names = [metric_name(name) for name in params]
        if names and names[-1] not in record.params:
            self._log_params(record.run_id, params, record.params)
        return replace(record, params=record.params.union(names))

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
        suites_experiments = [place for name, place in places.items() if name == suite]
        others = [place for name, place in places.items() if name != suite]
        records_by_key: dict[str, Record] = {}
        for experiments in (suites_experiments, others):
            if missing := set(training_keys) - records_by_key.keys():
                records_by_key |= self._look(missing, experiments)
        return records_by_key

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

    def cell_tags(self, run_id: str) -> dict[str, str]:
        """The tags of the run of a cell. Raises BadInput where the store has no such run, or where
        it is of no cell.
        """
        try:
            tags = dict(self.client.get_run(run_id).data.tags)
        except MlflowException as error:
            raise BadInput(f"run:{run_id}: no such run in {self.name}") from error
        if tags.get("harness.kind") != "cell":
            raise BadInput(f"run:{run_id} is no cell of a suite, which alone has a model")
        return tags

    def add_use(self, record: Record, use: CellUse, last: LastUse | None = None) -> None:
        """Say that a suite has the cell, where that is not known yet; and `last`, where it has what
        was not trained.
        """
        tags = dict([last.to_tag()]) if last else {}
        if use.tag not in record.uses:
            found_by = {} if use.parent == record.parent else {USED_BY + use.parent: "yes"}
            tags |= {use.tag: use.to_json(), **found_by}
        if tags:
            self.tag(record.run_id, tags)

    def record(self, run_id: str, measurements: Iterable[Measurement]) -> None:
        """Add numbers to a cell: each becomes visible whole or not at all."""
        rows = list(measurements)
        values = [[metric_name(m.metric), m.value, 0] for m in rows if m.value is not None]
        if values:
            self._write(run_id, Write("metrics", {"values": values, "of_model": True}))
        tags = {metric_name(f"{NUMBER}{m.metric}.{m.key}"): number_text(m) for m in rows}
        if tags:
            self._write(run_id, Write("tags", tags))

    def set_status(self, run_id: str, status: str, reason: str = "", **facts: Any) -> None:
        """Where a cell stands, with facts about its training."""
        named = {f"{FACT}{name}": str(value) for name, value in facts.items()}
        self.tag(run_id, {"harness.status": status, "harness.reason": reason, **named})

    def open_score(self, key: str, name: str, params: Mapping[str, Any]) -> str:
        """The run of sets of images that were compared without a suite; made if there is none."""
        experiment = self._experiment("score")
        run_id = self._keyed(experiment, "score_key", key) or self._create(
            experiment, name, {"harness.kind": "score", "harness.score_key": key}
        )
        self._log_params(run_id, params, self.client.get_run(run_id).data.params)
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
        runs = self.search([str(experiment.experiment_id)], query)
        return {str(run.info.run_id): dict(run.data.tags) for run in runs}

    # -- what hangs on a run ------------------------------------------------------------------

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags."""
        texts = {metric_name(name): valid_text(text) for name, text in tags.items()}
        self._write(run_id, Write("tags", texts))

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
        if self.address.database:
            sqlite.analyze_metrics(self.address.database)
        for run_id in run_ids:
            yield run_id, self.curves(run_id)

    def put(self, run_id: str, path: str, content: bytes | str) -> None:
        """Store a small file as the artifact `path`."""
        folder, _, name = path.rpartition("/")
        with scratch(self.folder) as aside:
            file = aside / name
            file.write_bytes(
                without_passwords(content).encode() if isinstance(content, str) else content
            )
            self.put_file(run_id, file, folder)

    def put_file(self, run_id: str, file: Path, folder: str) -> None:
        """Store a file as an artifact in `folder`."""
        self._write(run_id, Write("artifact", {"folder": folder}, file))

    def log_image(self, run_id: str, key: str, step: int, png: bytes) -> None:
        """A PNG image of a moment in training, which MLflow's page of the run shows under `key`,
        with a slider over the steps.
        """
        for name, content in image_files(run_id, key, step, png).items():
            self.put(run_id, f"{FOLDER}/{name}", content)
        self.tag(run_id, SHOWN)

    def log_model(self, run_id: str, values: Mapping[str, Any]) -> None:
        """Give a run its model, as `LoggedModels.log` takes the values."""
        self._write(run_id, Write("model", dict(values)))

    def get(self, run_id: str, path: str) -> bytes | None:
        """The content of an artifact, or None where there is none."""
        return self.artifacts.get(run_id, path)

    def artifacts_of(self, run_id: str) -> str:
        """Where a run's artifacts are, for people."""
        return self.artifacts.name(run_id)

    def log_datasets(self, run_id: str, inputs: Sequence[tuple[str, str, str]]) -> None:
        """Datasets as (context, name, digest): MLflow shows them as a run's inputs."""
        self._write(run_id, Write("inputs", {"datasets": [list(entry) for entry in inputs]}))

    # -- reading ------------------------------------------------------------------------------

    def experiments(self) -> dict[str, str]:
        """The ids of all experiments by name. A suite's is called as the suite is."""
        ids: dict[str, str] = {}
        token = None
        while True:
            page = self.client.search_experiments(page_token=token)
            ids |= {str(e.name): str(e.experiment_id) for e in page}
            if not (token := page.token):
                return ids

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
        if values:
            self._write(run_id, Write("metrics", {"values": [list(value) for value in values]}))

    def _log_params(self, run_id: str, params: Mapping[str, Any], logged: Container[str]) -> None:
        named = {metric_name(name): valid_text(str(v), MAX_PARAM) for name, v in params.items()}
        if missing := {name: text for name, text in named.items() if name not in logged}:
            self._write(run_id, Write("params", missing))

    def _write(self, run_id: str, write: Write) -> None:
        """Send a write to a run; keep it where it is not taken, and all that follow it."""
        self.outbox.write(run_id, write)

    # -- plumbing -----------------------------------------------------------------------------

    def _experiment(self, name: str) -> str:
        if experiment := self.client.get_experiment_by_name(name):
            if experiment.lifecycle_stage == "deleted":
                raise BadInput(
                    f"the MLflow experiment {name!r} in {self.name} was deleted; restore it with "
                    f"`mlflow experiments restore -x {experiment.experiment_id}`"
                )
            return str(experiment.experiment_id)
        place = artifact_location(self.address, self.folder)
        try:
            return str(self.client.create_experiment(name, artifact_location=place, tags=KIND))
        except MlflowException:  # another command made it a moment ago
            experiment = self.client.get_experiment_by_name(name)
            if experiment is None:
                raise
            return str(experiment.experiment_id)

    def _create(self, experiment: str, name: str, tags: Mapping[str, str]) -> str:
        texts = {metric_name(key): valid_text(text) for key, text in tags.items()}
        run = self.client.create_run(experiment, run_name=valid_text(name, MAX_NAME), tags=texts)
        return str(run.info.run_id)

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
