"""Cells in worker processes on this machine, each with its own threads and its own device memory.

Workers are spawned, not forked (CUDA and threads do not survive a fork), are kept alive between
cells, and end with the command that started them, however it ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import SpawnContext
from typing import Any

from harness.cell import Event, Listener, Outcome, Site, run_cell
from harness.plan import Cell

ATTEMPTS = 2
"""A cell whose worker died (the system killed it, say) is tried once more, from its checkpoint."""


def run_local(
    cells: Sequence[Cell],
    site: Site,
    listen: Listener,
    ended: Callable[[Outcome], None],
    jobs: int,
) -> list[Outcome]:
    """Run every cell in one of `jobs` worker processes."""
    outcomes: dict[int, Outcome] = {}
    for _ in range(ATTEMPTS):
        left = {i: cell for i, cell in enumerate(cells) if i not in outcomes}
        for i, outcome in _attempt(left, site, listen, jobs):
            outcomes[i] = outcome
            ended(outcome)
    died = "its worker process died (killed by the system, perhaps for memory); run again to resume"
    lost = {i: Outcome(c.name, (f"{c.name}: {died}",)) for i, c in enumerate(cells)}
    return [outcome for _, outcome in sorted((lost | outcomes).items())]


def _attempt(
    cells: Mapping[int, Cell], site: Site, listen: Listener, jobs: int
) -> Iterator[tuple[int, Outcome]]:
    """The outcomes of the cells whose worker lived to tell, as they end."""
    if not cells:
        return
    context = multiprocessing.get_context("spawn")
    with _Events(context, listen) as events:
        pool = ProcessPoolExecutor(
            max_workers=min(jobs, len(cells)),
            mp_context=context,
            initializer=_start_worker,
            initargs=(events.queue,),
        )
        futures = {pool.submit(_work, cell, site): i for i, cell in cells.items()}
        try:
            for future in as_completed(futures):
                if not isinstance(future.exception(), BrokenProcessPool):
                    yield futures[future], future.result()
        except (KeyboardInterrupt, GeneratorExit):
            for process in multiprocessing.active_children():
                process.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


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
