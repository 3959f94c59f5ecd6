"""Makes a baseline of what a suite has measured."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.config.training_fraction import is_entrant
from harness.core.counting import counted_of
from harness.core.errors import BadInput
from harness.core.measurement import CellResult, Measurement
from harness.plan import Cell, Plan
from harness.plan.identity import code_folders
from harness.regression.baseline import Baseline, BaselineModel, checksum_of
from harness.tracking.environment import environment


def make_baseline(
    plan: Plan, results: Sequence[CellResult], outputs: Sequence[Path] = ()
) -> Baseline:
    """Returns a baseline of everything that a suite measures, except floors and training fractions.
    `results` has the plan's cells, in their order. `outputs` are the folders that results are
    written to, which do not count as changes of the code. Raises BadInput where something is not
    measured yet, and where there is no number at all.
    """
    kept = [
        (cell, result)
        for cell, result in zip(plan.cells, results, strict=True)
        if is_entrant(cell.model)
    ]
    unfinished = sum(_is_unfinished(cell, result) for cell, result in kept)
    name = plan.loaded.name
    if unfinished:
        raise BadInput(
            f"{name}: {counted_of(unfinished, len(kept), 'cell')} not measured yet; "
            "run the suite first, with the same options"
        )
    rows = [
        (cell, row)
        for cell, result in kept
        for row in _planned_rows(cell, result)
        if row.status != "not applicable"
    ]
    if all(m.value is None for _, m in rows):
        reason = next((r.reason or r.status for _, r in kept), "nothing applies")
        raise BadInput(f"no cell of {name} has a number to compare with: {reason}")
    models, suite = {cell.model: cell for cell, _ in kept}, plan.loaded.suite
    draft = Baseline.model_validate({
        "checksum": "",
        "suite": name,
        "images": suite.budget.images,
        "budgets": {e.name: e.budget.images for e in suite.datasets if e.budget},
        "made": _origin(plan, outputs),
        "numerics": plan.numerics.to_dict(),
        "datasets": {name: d.train.digest() for name, d in plan.datasets.items()},
        "models": {model: model_of(cell) for model, cell in models.items()},
        "trained": _trained([cell for cell, _ in kept]),
        "protocols": {m.protocol.key(): m.protocol.to_dict() for _, m in rows},
        "numbers": _numbers(rows),
    })  # fmt: skip
    return draft.model_copy(update={"checksum": checksum_of(draft.model_dump(mode="json"))})


def _planned_rows(cell: Cell, result: CellResult) -> list[Measurement]:
    """Returns the rows that the suite plans. Votes are left out: no run can measure them again."""
    wanted = {w.key for w in cell.planned_measurements}
    return [row for row in result.measurements if row.key in wanted]


def _is_unfinished(cell: Cell, result: CellResult) -> bool:
    rows = _planned_rows(cell, result)
    return result.status == "missing" or len(rows) < len(cell.planned_measurements)


def _origin(plan: Plan, outputs: Sequence[Path]) -> dict[str, str]:
    facts = environment(code_folders(plan), outputs)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "harness": f"{facts['harness']} ({facts['harness commit']})",
        "commit": facts["commit"],
        "machine": plan.numerics.machine,
    }


def model_of(cell: Cell) -> BaselineModel:
    """Returns the model of a cell, without its dataset and seed."""
    if not cell.is_trained:  # its settings are where files are on this machine
        return BaselineModel(family=cell.family, code="", settings={})
    return BaselineModel(family=cell.family, code=cell.code, settings=cell.settings)


def _trained(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    keys_of: dict[tuple[str, str], dict[str, str]] = {}
    for cell in cells:
        keys_of.setdefault((cell.dataset, cell.model), {})[str(cell.seed)] = cell.training_key
    return [{"dataset": d, "model": m, "keys": keys} for (d, m), keys in keys_of.items()]


def _numbers(rows: Sequence[tuple[Cell, Measurement]]) -> list[dict[str, Any]]:
    entries: dict[tuple[str, str, str], dict[str, Any]] = {}
    for cell, row in rows:
        entry = entries.setdefault(
            (cell.dataset, cell.model, row.metric),
            {
                "dataset": cell.dataset, "model": cell.model, "metric": row.metric,
                "protocol": row.protocol.key(), "values": {}, "failures": {},
            },
        )  # fmt: skip
        if row.value is not None:
            entry["values"][str(cell.seed)] = float(row.value)
        else:
            entry["failures"][str(cell.seed)] = f"{row.status}: {row.reason}"
    return list(entries.values())
