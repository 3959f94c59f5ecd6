"""Cells one after the other in this process."""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from harness.cell.run import run_cell
from harness.cell.site import BUSY_SECONDS, CellOutcome, Listener, Site
from harness.plan import Cell
from harness.training import stopping


def run_serial(
    cells: Sequence[Cell], site: Site, listen: Listener, ended: Callable[[CellOutcome], None]
) -> list[CellOutcome]:
    """Run every cell until asked to stop; a failure stops no other."""
    outcomes: list[CellOutcome] = []
    waiting = deque(cells)
    with _quick_collections():
        while waiting and not stopping.requested():
            cell = waiting.popleft()
            outcome = run_cell(cell, site, listen)
            if outcome.busy:
                waiting.append(cell)
                time.sleep(BUSY_SECONDS)
                continue
            outcomes.append(outcome)
            ended(outcome)
    return outcomes


@contextmanager
def _quick_collections() -> Iterator[None]:
    """Keep what is imported so far out of garbage collections, which cells ask for: each is half a
    second quicker.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
