"""Cells one after the other in this process."""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from harness.cell import BUSY_SECONDS, CellOutcome, Listener, Site, run_cell
from harness.plan import Cell
from harness.training import stopping


def run_serial(
    cells: Sequence[Cell], site: Site, listen: Listener, ended: Callable[[CellOutcome], None]
) -> list[CellOutcome]:
    """Run every cell, until asked to stop; a failed one does not keep the others from running."""
    outcomes: list[CellOutcome] = []
    left = deque(cells)
    with _quick_collections():
        while left and not stopping.requested():
            cell = left.popleft()
            outcome = run_cell(cell, site, listen)
            if outcome.busy:
                left.append(cell)
                time.sleep(BUSY_SECONDS)
                continue
            outcomes.append(outcome)
            ended(outcome)
    return outcomes


@contextmanager
def _quick_collections() -> Iterator[None]:
    """Before each cell what earlier ones left is collected, for which there is no need to look
    through all that is imported: half a second.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
