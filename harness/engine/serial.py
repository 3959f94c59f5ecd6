"""Cells one after the other in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.cell import Listener, Outcome, Site, run_cell
from harness.plan import Cell


def run_serial(
    cells: Sequence[Cell], site: Site, listen: Listener, ended: Callable[[Outcome], None]
) -> list[Outcome]:
    """Run every cell; a failed one does not keep the others from running."""
    outcomes = []
    for cell in cells:
        outcomes.append(run_cell(cell, site, listen))
        ended(outcomes[-1])
    return outcomes
