"""Reads the measured runs of a tracking store one by one, for leaderboards and comparisons."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from mlflow.entities import Run

from harness.core.errors import BadInput
from harness.core.measurement import EXTERNAL, Measurement
from harness.tracking.cell_uses import USED_BY, CellUse, LastUse, last_uses, uses
from harness.tracking.records import after, facts, numbers
from harness.tracking.store import Store
from harness.tracking.unreadable import SHORT, UNREADABLE, leave_out, unreadable_reason

KINDS = ("cell", "score")
ENVIRONMENT = "harness.environment."
FORGOTTEN = "harness.forgotten"
"""The tag of a run that is to stay off the boards: since when, and why."""
__all__ = ["SHORT", "StoredRun", "SuiteRun", "collect", "find_run", "stored_run", "suite_runs"]


@dataclass(frozen=True)
class StoredRun:
    """The run of a cell, or of a set of images that was scored without a suite.

    `data` maps what a dataset was used for to its digest. A scored set has no `uses`,
    `training_key`, `dataset` or `seed`; its `model` describes the set.
    """

    run_id: str
    kind: Literal["cell", "score"]
    started: datetime
    model: str
    status: str
    reason: str
    numbers: tuple[Measurement, ...]
    params: Mapping[str, str]
    facts: Mapping[str, str]
    data: Mapping[str, str]
    training_key: str = ""
    dataset: str = ""
    seed: int = 0
    parent: str = ""
    uses: tuple[CellUse, ...] = ()
    last_uses: tuple[LastUse, ...] = ()
    forgotten: str = ""
    """Since when it is to stay off the boards, and why; empty where it is not."""

    @property
    def images(self) -> int | None:
        """Training images shown; None of samples that no model of the harness made."""
        images = int(self.params.get("budget.images", 0))
        return images or (None if self.params.get("family", EXTERNAL) == EXTERNAL else 0)


@dataclass(frozen=True)
class SuiteRun:
    """A suite's run: the suite's name, the environment of the last command that ran it, and the
    training images of its budget, as the store has them.
    """

    suite: str
    environment: Mapping[str, str]
    images: str = ""


def suite_runs(store: Store) -> dict[str, SuiteRun]:
    """The runs of all suites by id."""
    names = {place: name for name, place in store.experiments().items()}
    return {
        str(run.info.run_id): SuiteRun(
            names[str(run.info.experiment_id)],
            after(ENVIRONMENT, run.data.tags),
            run.data.tags.get("harness.budget", ""),
        )
        for run in store.search(list(names), "tags.`harness.kind` = 'suite'")
    }


def running_cells(store: Store, training_keys: Collection[str]) -> dict[str, str]:
    """Return the runs of these cells that MLflow lists as running: their ids by training key."""
    query = "tags.`harness.kind` = 'cell' and attributes.status = 'RUNNING'"
    runs = store.search(list(store.experiments().values()), query)
    keyed = {run.data.tags.get("harness.training_key", ""): str(run.info.run_id) for run in runs}
    return {key: run_id for key, run_id in keyed.items() if key in training_keys}


def collect(
    store: Store,
    suites: Collection[str] | None = None,
    since: datetime | None = None,
    dataset: str | None = None,
) -> Iterator[StoredRun]:
    """Yield every cell and every scored set of the store.

    With `suites`, only their cells; with `since`, only runs that began at or after that time; with
    `dataset`, only cells on it.
    """
    parts = [f"attributes.start_time >= {round(since.timestamp() * 1000)}"] if since else []
    parts += [f'tags.`harness.dataset` = "{dataset}"'] if dataset else []
    places = store.experiments()
    suites_experiments = [
        place for name, place in places.items() if suites is None or name in suites
    ]
    searches = [(suites_experiments, parts)]
    if suites is not None:
        others = [place for place in places.values() if place not in suites_experiments]
        runs = [run_id for run_id, run in suite_runs(store).items() if run.suite in suites]
        searches += [(others, [*parts, f"tags.`{USED_BY}{run_id}` = 'yes'"]) for run_id in runs]
    run_ids = set()
    for experiments, conditions in searches:
        for run in store.search(experiments, " and ".join(conditions)):
            if run.data.tags.get("harness.kind") in KINDS and run.info.run_id not in run_ids:
                run_ids.add(run.info.run_id)
                try:
                    yield stored_run(run)
                except UNREADABLE as error:
                    leave_out(str(run.info.run_id), "it", unreadable_reason(error))


def find_run(store: Store, prefix: str) -> StoredRun:
    """Return the one run whose id begins with `prefix`.

    Raises BadInput where there is none, where there are several, and where it is of another kind.
    """
    if not prefix.isalnum():
        raise BadInput(f"{prefix!r} is no run's id, nor the beginning of one")
    query = f"attributes.run_id LIKE '{prefix.lower()}%'"
    runs = list(store.search(list(store.experiments().values()), query))
    if not runs:
        raise BadInput(f"no run whose id begins with {prefix!r} in {store.name}")
    if len(runs) > 1:
        examples = ", ".join(f"{r.info.run_id[: SHORT + 4]} ({r.info.run_name})" for r in runs[:5])
        more = f" and {len(runs) - 5} more" if len(runs) > 5 else ""
        raise BadInput(f"{prefix!r} is the beginning of {len(runs)} runs: {examples}{more}")
    return _comparable(runs[0])


def _comparable(run: Run) -> StoredRun:
    kind = run.data.tags.get("harness.kind", "")
    if kind in KINDS:
        try:
            return stored_run(run)
        except UNREADABLE as error:
            raise BadInput(
                f"run {run.info.run_id[:SHORT]} cannot be read: {unreadable_reason(error)}"
            ) from error
    owner = {"suite": "a whole suite", "selftest": "a self-test"}.get(kind, "another program")
    raise BadInput(
        f"run {run.info.run_id[:SHORT]} is that of {owner}; name runs of cells or of scored sets"
    )


def _data(run: Run) -> dict[str, str]:
    """Digests by what the images were used for; of what was not trained, that of the samples."""
    if run.data.params.get("family") == EXTERNAL:
        return {"samples": run.data.tags.get("harness.training_key", "")}
    return {
        tag.value: entry.dataset.digest
        for entry in (run.inputs.dataset_inputs if run.inputs else ())
        for tag in entry.tags
    }


def stored_run(run: Run) -> StoredRun:
    """Reads the run of a cell or of a scored set. Raises one of `UNREADABLE` where it is not what
    the harness writes.
    """
    tags, params = run.data.tags, run.data.params
    is_cell = tags["harness.kind"] == "cell"
    seed = int(tags.get("harness.seed", 0))
    if int(params.get("budget.images", 0)) < 0 or seed < 0:
        raise ValueError("its seed or its budget is negative")
    return StoredRun(
        run_id=str(run.info.run_id),
        kind="cell" if is_cell else "score",
        started=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        model=tags["harness.model"] if is_cell else str(run.info.run_name),
        status=tags.get("harness.status", "training" if is_cell else "trained"),
        reason=tags.get("harness.reason", ""),
        numbers=tuple(row.under_its_protocol() for row in numbers(run)),
        params=params,
        facts=facts(run),
        data=_data(run),
        training_key=tags.get("harness.training_key", ""),
        dataset=tags.get("harness.dataset", ""),
        seed=seed,
        parent=tags.get("mlflow.parentRunId", ""),
        forgotten=tags.get(FORGOTTEN, ""),
        uses=uses(tags, str(run.info.run_id)),
        last_uses=last_uses(tags, str(run.info.run_id)),
    )
