"""Cells in worker processes on this machine, each with its own threads and its share of a device.

Workers are kept alive between cells, and end with the command that started them, however it ends.
Each is a pool of its own, so that one which the system kills takes down only the cell that it ran.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing.process import BaseProcess
from typing import Any

from harness.cell.run import record_death, run_cell
from harness.cell.site import BUSY_SECONDS, CellEvent, CellOutcome, Listener, Site
from harness.engine.cell_scheduler import CellScheduler, DeviceSlot
from harness.engine.devices import has_memory_to_spare
from harness.engine.forkserver import Context, context
from harness.plan import Cell
from harness.training import stopping

ATTEMPTS = 2
"""A cell whose worker died (the system killed it, say) is tried once more, from its checkpoint."""


def run_local(
    scheduler: CellScheduler, site: Site, listen: Listener, ended: Callable[[CellOutcome], None]
) -> list[CellOutcome]:
    """Run every cell in a worker process of a slot; outcomes in the order in which cells end."""
    processes = context()
    outcomes: list[CellOutcome] = []
    places = [(slot, False) for slot in scheduler.slots for _ in range(slot.workers)]
    places += [(slot, True) for slot in scheduler.slots for _ in range(slot.spare)]
    with _Events(processes, listen) as events, ThreadPoolExecutor(len(places)) as slots:
        stop = _Stop(scheduler)
        workers = [_Worker(processes, events.queue, *place, stop) for place in places]

        def take(outcome: CellOutcome) -> None:
            outcomes.append(outcome)
            ended(outcome)

        with stopping.on_sigterm(lambda: stop(BaseProcess.terminate)):
            serving = [slots.submit(worker.serve, scheduler, site, take) for worker in workers]
            try:
                for future in as_completed(serving):
                    future.result()
            except KeyboardInterrupt:
                stop(BaseProcess.kill)
                raise
    return outcomes


class _Stop:
    """Ends the workers, also one that another thread is starting at that moment: the same Ctrl-C
    may have ended its process, so that it is started again.
    """

    def __init__(self, scheduler: CellScheduler) -> None:
        self._scheduler = scheduler
        self._end: Callable[[BaseProcess], None] | None = None

    def __call__(self, end: Callable[[BaseProcess], None]) -> None:
        """Start nothing more, and end each worker process by `end`."""
        self._end = end
        self._scheduler.close()
        self.check()

    def check(self) -> bool:
        """Whether to stop. To be called after each start of a process: one that was not listed yet
        when the others were ended is ended now.
        """
        if self._end is None:
            return False
        for process in multiprocessing.active_children():
            self._end(process)
        return True


class _Worker:
    """Runs cells in a process until none is left; starts it again when it dies.

    One that is `spare` waits for the last cells; see `DeviceSlot`.
    """

    def __init__(
        self, processes: Context, events: Any, slot: DeviceSlot, spare: bool, stop: _Stop
    ) -> None:
        self._processes = processes
        self._events = events
        self._slot = slot
        self._spare = spare
        self._stop = stop

    def serve(
        self, scheduler: CellScheduler, site: Site, take: Callable[[CellOutcome], None]
    ) -> None:
        """Run cells, in a thread of the command, until there is none."""
        if self._spare:
            scheduler.wait_for_the_last(self._slot.spare)
            if not has_memory_to_spare():
                return
        process = self._start()
        while cell := scheduler.take(self._slot):
            placed = replace(cell, numerics=cell.numerics.on(self._slot.device))
            for _ in range(ATTEMPTS):
                try:
                    future = process.submit(_work, placed, site)
                    self._stop.check()
                    outcome = future.result()
                    break
                except BrokenProcessPool:
                    if self._stop.check():
                        return
                    process = self._start()
            else:
                outcome = record_death(placed, site, DIED)
            if outcome.busy:
                scheduler.put_back(cell, self._slot)
                time.sleep(BUSY_SECONDS)
            else:
                scheduler.leave(cell, self._slot)
                take(outcome)
        process.shutdown()

    def _start(self) -> ProcessPoolExecutor:
        arguments = (self._events, dict(os.environ))
        return ProcessPoolExecutor(
            1, mp_context=self._processes, initializer=_start_worker, initargs=arguments
        )


DIED = "its worker process died (killed by the system, perhaps for memory); run again to resume"


class _Events:
    """Carries the workers' events to a listener in this process, from a thread."""

    def __init__(self, processes: Context, listen: Listener) -> None:
        self.queue: Any = processes.Queue()
        self._listen = listen
        self._thread = threading.Thread(target=self._forward, daemon=True)

    def __enter__(self) -> _Events:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # A worker that was killed as it wrote has left the queue locked, perhaps for ever.
        self.queue.cancel_join_thread()
        self.queue.put(None)
        self._thread.join(timeout=5)

    def _forward(self) -> None:
        while (event := self.queue.get()) is not None:
            self._listen(event)


_send: Any = None
"""Set in a worker: puts an event on the way to the command that started it."""


def _start_worker(queue: Any, environment: Mapping[str, str]) -> None:
    global _send  # noqa: PLW0603 - a worker process has one queue for its whole life
    _send = queue.put
    os.environ.clear()  # it has that of the server, which may have started long ago
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the command's to handle
    stopping.heed_sigterm()
    stopping.end_with_parent()  # a killed command must not leave workers that go on


def _work(cell: Cell, site: Site) -> CellOutcome:
    def listen(event: CellEvent) -> None:
        _send(event)

    return run_cell(cell, site, listen)
