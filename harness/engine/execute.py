"""A plan's unfinished cells, and the places where they can run, under the suite's parent run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from filelock import Timeout

from harness.cell.site import CellOutcome, Listener, Site
from harness.core.errors import BadInput
from harness.engine.cell_scheduler import ALONE, CellScheduler
from harness.engine.devices import local_devices
from harness.engine.local import run_local
from harness.engine.serial import run_serial
from harness.plan import Cell, Plan
from harness.plan.identity import code_folders, identify
from harness.tracking import Record, Store
from harness.tracking.collection import running_cells
from harness.tracking.environment import environment
from harness.tracking.suites import find_suite, open_suite
from harness.training import stopping
from harness.training.numerics import Numerics


def open_site(plan: Plan, store: Store, folder: Path, checkpoint_seconds: float) -> Site:
    """The suite's parent run, with what a reader of it must know."""
    suite = plan.loaded.suite
    facts = {**environment(code_folders(plan), [folder]), "device": plan.numerics.machine}
    tags = {
        "harness.suite": plan.loaded.name,
        "harness.budget": str(suite.budget.images),
        **{f"harness.override.{k}": v for k, v in plan.loaded.overridden.items()},
        **{f"harness.environment.{name}": value for name, value in facts.items()},
        "mlflow.note.content": f"**{suite.title}**\n\n{suite.description}",
    }
    parent = open_suite(store, identify(plan.loaded, store), plan.suite_key, tags)
    store.put(parent, "suite.yaml", plan.loaded.text)
    store.put(parent, "suite-resolved.json", suite.model_dump_json(indent=2))
    store.put(parent, "environment.json", json.dumps(facts, indent=2))
    return Site(store.uri, parent, folder, checkpoint_seconds, plan.loaded.folder.resolve())


def interrupt(cells: Sequence[Cell], site: Site, store: Store) -> None:
    """Mark as stopped the cells that are marked as running although their process has ended. A cell
    that another command is working on stays as it is, and all do where the store does not answer.
    """
    try:
        store.check()
    except BadInput:
        return
    running = running_cells(store, {cell.training_key for cell in cells})
    for cell in cells:
        if run_id := running.get(cell.training_key):
            with suppress(Timeout), site.lock(cell):
                store.interrupt(run_id)


def unfinished(plan: Plan, store: Store) -> list[Cell]:
    """The cells that are not finished, by what the store has."""
    return unfinished_cells(plan, plan.records(store))


def run_ids(plan: Plan, store: Store, records: Mapping[str, Record]) -> list[str]:
    """The ids of a plan's MLflow runs that exist: of its `records`, and the suite's."""
    parent = find_suite(store, identify(plan.loaded, store), plan.suite_key)
    return [*(record.run_id for record in records.values()), *([parent] if parent else [])]


def unfinished_cells(plan: Plan, records: Mapping[str, Record]) -> list[Cell]:
    """The cells that are not finished, by these records."""
    return [cell for cell in plan.cells if not cell.finished(records.get(cell.training_key))]


class Engine(Protocol):
    """Runs cells, up to `jobs` at a time; the failure of one stops no other. Upon SIGTERM those
    that run are saved and no other begins (`stopping.requested`).
    """

    @property
    def jobs(self) -> int:
        """How many cells run at a time."""
        ...

    @property
    def spare(self) -> int:
        """How many more run at a time in the last round; see `harness.engine.devices`."""
        ...

    def run(
        self, site: Site, listen: Listener, ended: Callable[[CellOutcome], None]
    ) -> list[CellOutcome]:
        """Run the cells; their outcomes in the order in which they end."""
        ...


class Location(Protocol):
    """Where cells run: this machine or a cluster."""

    @property
    def notes(self) -> Sequence[str]:
        """Lines for the user about what was left out."""
        ...

    @property
    def numerics(self) -> Numerics:
        """The numerics of its machines."""
        ...

    def engine(
        self, plan: Plan, cells: Sequence[Cell], store: Store, needs: Mapping[str, float]
    ) -> Engine:
        """The engine for some of the plan's cells; `needs` has the bytes of a GPU by cell name."""
        ...


class ThisMachine:
    """This machine, with `jobs` cells at a time, or as many as fit. All its GPUs of the kind that
    `numerics` names are used, unless the user chose one as `device`.
    """

    notes = ()

    def __init__(self, numerics: Numerics, device: str, jobs: int | None) -> None:
        self.numerics = numerics
        self._device = device
        self._jobs = jobs

    def engine(
        self, plan: Plan, cells: Sequence[Cell], store: Store, needs: Mapping[str, float]
    ) -> Engine:
        """The engine: in this process for one job, in worker processes for several."""
        on_gpu = self.numerics.device.startswith("cuda")

        def need(cell: Cell) -> float:
            size = needs[cell.name]
            return size if on_gpu and not (self._jobs and size == ALONE) else 0.0

        sizes = {cell.name: need(cell) for cell in cells}
        slots = local_devices(self.numerics, self._device, list(sizes.values()), self._jobs)
        return _LocalEngine(CellScheduler(list(cells), slots, sizes))


class _LocalEngine:
    def __init__(self, scheduler: CellScheduler) -> None:
        self._scheduler = scheduler

    @property
    def jobs(self) -> int:
        """How many cells run at a time."""
        return self._scheduler.workers

    @property
    def spare(self) -> int:
        """How many more cells run at a time in the last round."""
        return self._scheduler.spare

    def run(
        self, site: Site, listen: Listener, ended: Callable[[CellOutcome], None]
    ) -> list[CellOutcome]:
        """Run the cells; their outcomes in the order in which they end."""
        if self.jobs > 1:
            return run_local(self._scheduler, site, listen, ended)
        with stopping.on_sigterm():
            return run_serial(self._scheduler.waiting, site, listen, ended)
