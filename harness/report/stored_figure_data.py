"""What figures of a report are drawn from, from the tracking store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.config.training_fraction import is_fraction
from harness.core.measurement import CellResult
from harness.evaluation.figure_data import FIGURE_DATA
from harness.evaluation.pictures import picture_name
from harness.plan import Plan
from harness.report.results import ReportFigureData
from harness.tracking import Store

ROOM = 400_000
"""Characters of a page, at most: whole seeds are left out, the last ones first."""


def stored_figure_data(
    plan: Plan, cells: Sequence[CellResult], store: Store
) -> list[ReportFigureData]:
    """Returns the figure data of the first seeds, as many as there is room for. Runs of earlier
    versions have none.
    """
    data: list[ReportFigureData] = []
    for seed in sorted({cell.seed for cell in cells}):
        more = list(_of_seed(plan, cells, seed, store))
        if data and sum(len(each.content) for each in [*data, *more]) > ROOM:
            break
        data += more
    return data


def _of_seed(
    plan: Plan, cells: Sequence[CellResult], seed: int, store: Store
) -> Iterator[ReportFigureData]:
    for planned, cell in zip(plan.cells, cells, strict=True):
        if cell.seed != seed or not cell.run_id or is_fraction(cell.model):
            continue
        recorded = cell.costs.get("figures", "").split()
        for kind in FIGURE_DATA:
            name = picture_name(kind, planned.sampling)
            if name in recorded and (content := store.get(cell.run_id, f"figures/{name}.json")):
                yield ReportFigureData(
                    cell.dataset, cell.model, seed, kind, content.decode("utf-8")
                )
