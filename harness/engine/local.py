"""Cells in worker processes on this machine, each with its own threads and its share of a device.

Workers are kept alive between cells, and end with the command that started them, however it ends.
Each is a pool of its own, so that one which the system kills takes down no cell but the one it was
at.
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

from harness.cell import BUSY_SECONDS, Event, Listener, Outcome, Site, died, run_cell
from harness.engine.packing import Packing, Room
from harness.engine.processes import Context, context
from harness.engine.rooms import has_memory_to_spare
from harness.plan import Cell
from harness.training import stopping

ATTEMPTS = 2
"""A cell whose worker died (the system killed it, say) is tried once more, from its checkpoint."""


def run_local(
    packing: Packing, site: Site, listen: Listener, ended: Callable[[Outcome], None]
) -> list[Outcome]:
    """Run every cell in a worker process of one of the rooms; outcomes in the order in which they
    end.
    """
    processes = context()
    outcomes: list[Outcome] = []
    places = [(room, False) for room in packing.rooms for _ in range(room.workers)]
    places += [(room, True) for room in packing.rooms for _ in range(room.spare)]
    with _Events(processes, listen) as events, ThreadPoolExecutor(len(places)) as slots:
        stop = _Stop(packing)
        workers = [_Worker(processes, events.queue, *place, stop) for place in places]

        def take(outcome: Outcome) -> None:
            outcomes.append(outcome)
            ended(outcome)

        with stopping.on_sigterm(lambda: stop(BaseProcess.terminate)):
            serving = [slots.submit(worker.serve, packing, site, take) for worker in workers]
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

    def __init__(self, packing: Packing) -> None:
        self._packing = packing
        self._end: Callable[[BaseProcess], None] | None = None

    def __call__(self, end: Callable[[BaseProcess], None]) -> None:
        """Nothing more is begun, and each process is ended by `end`."""
        self._end = end
        self._packing.close()
        self.check()

    def check(self) -> bool:
        """Whether to stop. Called after each start of a process: one that was not listed yet when
        the others were ended is ended now.
        """
        if self._end is None:
            return False
        for process in multiprocessing.active_children():
            self._end(process)
        return True


class _Worker:
    """A process that takes cells until none is left; started again when it dies.

    One that is `spare` waits for the last cells; see `Room`.
    """

    def __init__(
        self, processes: Context, events: Any, room: Room, spare: bool, stop: _Stop
    ) -> None:
        self._processes = processes
        self._events = events
        self._room = room
        self._spare = spare
        self._stop = stop

    def serve(self, packing: Packing, site: Site, take: Callable[[Outcome], None]) -> None:
        """Run cells, in a thread of the command, until there is none."""
        if self._spare:
            packing.wait_for_the_last(self._room.spare)
            if not has_memory_to_spare():
                return
        process = self._start()
        while cell := packing.take(self._room):
            placed = replace(cell, numerics=cell.numerics.on(self._room.device))
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
                outcome = died(placed, site, DIED)
            if outcome.busy:
                packing.put_back(cell, self._room)
                time.sleep(BUSY_SECONDS)
            else:
                packing.leave(cell, self._room)
                take(outcome)
        process.shutdown()

    def _start(self) -> ProcessPoolExecutor:
        given = (self._events, dict(os.environ))
        return ProcessPoolExecutor(
            1, mp_context=self._processes, initializer=_start_worker, initargs=given
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


def _work(cell: Cell, site: Site) -> Outcome:
    def listen(event: Event) -> None:
        _send(event)

    return run_cell(cell, site, listen)
