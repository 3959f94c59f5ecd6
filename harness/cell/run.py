"""Does what is left of a cell, and records how it ended."""

from __future__ import annotations

import logging
import shutil
import time
import traceback
from contextlib import suppress

from filelock import Timeout

from harness.cell.measuring import costs_of, measure_cell
from harness.cell.site import BUSY_SECONDS, CellEvent, CellOutcome, Listener, Site
from harness.cell.training import cached_dataset, restore_model, train_model
from harness.cell.work import CellWork
from harness.core.errors import FAILURES
from harness.core.user_code import look_in
from harness.data.base import Dataset
from harness.evaluation.measure import error_line
from harness.plan import Cell
from harness.plan.external_samples import evidence_of
from harness.tracking.refusals import brief, is_outage
from harness.training import memory, stopping
from harness.training.clock import clock
from harness.training.losses import Diverged
from harness.training.stopping import Stopped

OUTAGE_SECONDS = 120.0
"""How long a cell that begins waits for a tracking store that is away."""


def run_cell(cell: Cell, site: Site, listen: Listener) -> CellOutcome:
    """Do what is left of a cell. Failures are in the outcome, and in the tracking store if that can
    be reached.
    """
    look_in(site.code)
    try:
        with site.lock(cell):
            return _finish(open_work(cell, site, _harmless(listen)))
    except Timeout:
        return CellOutcome(cell.name, busy=True)
    except Stopped:
        return CellOutcome(cell.name, stopped=True)
    except FAILURES as error:
        return CellOutcome(cell.name, (f"{cell.name}: {error_line(error)}",))


def open_work(cell: Cell, site: Site, listen: Listener) -> CellWork:
    """Open the cell's run. Waits up to `OUTAGE_SECONDS` for a store that is away. Raises Stopped
    upon a request to stop.
    """
    last = time.monotonic() + OUTAGE_SECONDS
    is_announced = False
    while True:
        try:
            return CellWork(cell, site, site.store(), listen)
        except Exception as error:
            if not is_outage(error) or time.monotonic() > last:
                raise
            if not is_announced:
                logging.getLogger(__name__).warning(
                    "%s waits for the tracking store (%s)", cell.name, brief(error)
                )
                is_announced = True
        if stopping.requested():
            raise Stopped("stopped while the tracking store was away")
        time.sleep(BUSY_SECONDS)


def _harmless(listen: Listener) -> Listener:
    """A listener whose failures, such as a full disk, do not reach the cell."""

    def tell(event: CellEvent) -> None:
        with suppress(Exception):
            listen(event)

    return tell


def _finish(work: CellWork) -> CellOutcome:
    cell, store, run_id = work.cell, work.store, work.run_id
    if cell.finished(work.record):  # by another command, since this one began
        return CellOutcome(cell.name)
    try:
        failures = _train_and_measure(work)
    except Stopped:
        store.interrupt(run_id)
        raise
    except Diverged as error:
        reason = str(error)
        store.set_status(run_id, "diverged", reason)
        store.record(run_id, [p.without("diverged", reason) for p in cell.planned_measurements])
        store.finish(run_id, ok=False)
        return CellOutcome(cell.name, diverged=reason)
    except FAILURES as error:
        work.record_failure(error_line(error))
        store.put(run_id, "failure.txt", traceback.format_exc())
        raise
    work.describe()
    store.finish(run_id, ok=not failures)
    return CellOutcome(cell.name, tuple(failures))


def _train_and_measure(work: CellWork) -> list[str]:
    """Train and measure what is left; a message for each measurement that failed."""
    cell = work.cell
    work.tell("preparing", 0, cell.images)
    cell.numerics.apply()
    dataset = cached_dataset(cell.dataset, cell.data_root, work.site.code)
    if not cell.is_trained:
        return _measure_images(work, dataset)
    is_new = work.record.status != "trained"
    model = train_model(work, dataset) if is_new else restore_model(work, dataset)
    # Here, and not where training ends: a kill between the two would leave them for ever.
    shutil.rmtree(work.site.work(cell), ignore_errors=True)
    now = clock(model.device)
    began = now()
    failures = measure_cell(work, costs_of(work.record.facts), dataset, model)
    if is_new and not failures:  # `harness plan` goes by it
        held = memory.held(model.device)
        work.set_trained(evaluation_seconds=now() - began, memory_bytes=held)
    return failures


def _measure_images(work: CellWork, dataset: Dataset) -> list[str]:
    """Measure the images that stand in for what a model makes."""
    images = evidence_of(work.cell, dataset)
    count = len(next(iter(images.values())))
    work.store.set_status(work.run_id, "trained", images=count)
    return measure_cell(work, images, dataset)


def record_death(cell: Cell, site: Site, reason: str) -> CellOutcome:
    """Record and return the outcome of a cell whose process died."""
    try:
        CellWork(cell, site, site.store(), lambda event: None).record_failure(reason)
    except Exception as error:
        reason = f"{reason}; and that could not be recorded: {error_line(error)}"
    return CellOutcome(cell.name, (f"{cell.name}: {reason}",))
