"""What failed or diverged in a suite, and why: whole cells, and single measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.counting import counted, named
from harness.core.measurement import CellResult

ENDS = ("failed", "diverged")


@dataclass(frozen=True)
class Failure:
    """What ended the cells of these seeds alike, or kept a `metric` from being measured there;
    `run_id` is the MLflow run of the first, which has the traceback.
    """

    dataset: str
    model: str
    seeds: tuple[int, ...]
    metric: str
    status: str
    reason: str
    run_id: str

    def __str__(self) -> str:
        """For the terminal: `digits · gan/dcgan · seeds 0, 1 · fid: ValueError: …`."""
        numbers = ", ".join(map(str, self.seeds))
        seeds = f"{named(len(self.seeds), 'seed')} {numbers}"
        where = [self.dataset, self.model, seeds, *([self.metric] if self.metric else [])]
        return f"{' · '.join(where)}: {self.reason}"


def failures(cells: Sequence[CellResult]) -> list[Failure]:
    """What went wrong, in the order of the cells; what went wrong alike is one entry."""
    cells_by_reason: dict[tuple[str, ...], list[CellResult]] = {}
    for cell in cells:
        for metric, status, reason in _of_cell(cell):
            cells_by_reason.setdefault(
                (cell.dataset, cell.model, metric, status, reason), []
            ).append(cell)
    return [
        Failure(
            dataset,
            model,
            tuple(cell.seed for cell in group),
            metric,
            status,
            reason,
            group[0].run_id or "",
        )
        for (dataset, model, metric, status, reason), group in cells_by_reason.items()
    ]


def _of_cell(cell: CellResult) -> list[tuple[str, str, str]]:
    if cell.status in ENDS:
        return [("", cell.status, cell.reason)]
    return [(row.metric, row.status, row.reason) for row in cell.measurements if row.status in ENDS]


def notice(failed: Sequence[Failure]) -> str:
    """How much of a suite failed, in a sentence; empty where nothing did."""
    cells = sum(len(each.seeds) for each in failed if not each.metric)
    numbers = sum(len(each.seeds) for each in failed if each.metric)
    parts = [
        counted(count, word) for count, word in ((cells, "cell"), (numbers, "measurement")) if count
    ]
    return f"{' and '.join(parts)} failed or diverged." if parts else ""
