"""Cells one after the other in this process."""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from harness.cell import BUSY_SECONDS, Listener, Outcome, Site, run_cell
from harness.plan import Cell
from harness.training import stopping


def run_serial(
    cells: Sequence[Cell], site: Site, listen: Listener, ended: Callable[[Outcome], None]
) -> list[Outcome]:
    """Run every cell, until asked to stop; a failed one does not keep the others from running."""
    outcomes: list[Outcome] = []
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
