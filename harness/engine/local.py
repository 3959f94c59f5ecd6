"""Cells in worker processes on this machine, each with its own threads and its own device memory.

Workers are spawned, not forked (CUDA and threads do not survive a fork), are kept alive between
cells, and end with the command that started them, however it ends. Each is a pool of its own, so
that one which the system kills takes down no cell but the one it was at.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import SpawnContext
from queue import Empty, SimpleQueue
from typing import Any

from harness.cell import BUSY_SECONDS, Event, Listener, Outcome, Site, died, run_cell
from harness.plan import Cell
from harness.training import stopping

ATTEMPTS = 2
"""A cell whose worker died (the system killed it, say) is tried once more, from its checkpoint."""


def run_local(
    cells: Sequence[Cell],
    site: Site,
    listen: Listener,
    ended: Callable[[Outcome], None],
    jobs: int,
) -> list[Outcome]:
    """Run every cell in one of `jobs` worker processes; outcomes in the order in which they end."""
    context = multiprocessing.get_context("spawn")
    left: SimpleQueue[Cell] = SimpleQueue()
    for cell in cells:
        left.put(cell)
    outcomes: list[Outcome] = []
    with _Events(context, listen) as events, ThreadPoolExecutor(jobs) as slots:
        workers = [_Worker(context, events.queue) for _ in range(min(jobs, len(cells)))]

        def take(outcome: Outcome) -> None:
            outcomes.append(outcome)
            ended(outcome)

        def ask_to_stop() -> None:
            for worker in workers:
                worker.ask_to_stop()

        with stopping.on_sigterm(ask_to_stop):
            serving = [slots.submit(worker.serve, left, site, take) for worker in workers]
            try:
                for future in as_completed(serving):
                    future.result()
            except KeyboardInterrupt:
                for worker in workers:
                    worker.kill()
                raise
    return outcomes


class _Worker:
    """A process that takes cells until none is left; started again when it dies."""

    def __init__(self, context: SpawnContext, events: Any) -> None:
        self._context = context
        self._events = events
        self._stopped = threading.Event()

    def serve(self, left: SimpleQueue[Cell], site: Site, take: Callable[[Outcome], None]) -> None:
        """Run cells from `left`, in a thread of the command, until there is none."""
        process = self._start()
        while not self._stopped.is_set():
            try:
                cell = left.get_nowait()
            except Empty:
                break
            for _ in range(ATTEMPTS):
                try:
                    outcome = process.submit(_work, cell, site).result()
                    if outcome.busy:
                        left.put(cell)
                        time.sleep(BUSY_SECONDS)
                    else:
                        take(outcome)
                    break
                except BrokenProcessPool:
                    process = self._start()
                    if self._stopped.is_set():
                        return
            else:
                take(died(cell, site, DIED))
        process.shutdown()

    def ask_to_stop(self) -> None:
        """Let the process save and end what it is at, and begin nothing else."""
        self._stopped.set()
        for process in multiprocessing.active_children():
            process.terminate()

    def kill(self) -> None:
        """End the process at once, whatever it is at."""
        self._stopped.set()
        for process in multiprocessing.active_children():
            process.kill()

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, mp_context=self._context, initializer=_start_worker, initargs=(self._events,)
        )


DIED = "its worker process died (killed by the system, perhaps for memory); run again to resume"


class _Events:
    """Carries the workers' events to a listener in this process, from a thread."""

    def __init__(self, context: SpawnContext, listen: Listener) -> None:
        self.queue: Any = context.Queue()
        self._listen = listen
        self._thread = threading.Thread(target=self._forward, daemon=True)

    def __enter__(self) -> _Events:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.queue.put(None)
        self._thread.join(timeout=5)

    def _forward(self) -> None:
        while (event := self.queue.get()) is not None:
            self._listen(event)


_send: Any = None
"""Set in a worker: puts an event on the way to the command that started it."""


def _start_worker(queue: Any) -> None:
    global _send  # noqa: PLW0603 - a worker process has one queue for its whole life
    _send = queue.put
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the command's to handle
    stopping.heed_sigterm()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed command must not leave workers that go on training and logging."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _work(cell: Cell, site: Site) -> Outcome:
    def listen(event: Event) -> None:
        _send(event)

    return run_cell(cell, site, listen)
