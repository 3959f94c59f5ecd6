"""Failed cells as rows: a cell that died before it was measured must not vanish from the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.spec.measurement import CellResult, Measurement


def filled(cells: Sequence[CellResult]) -> list[CellResult]:
    """The cells, where a failed or diverged one has a measurement of that status, with the cell's
    reason, for each metric that its dataset's other cells have and it lacks.

    Metrics that do not apply to its model, as another seed of the model or all other models say,
    stay "not applicable". The protocol is the one that the other cells were measured with.
    """
    return [
        replace(cell, measurements=(*cell.measurements, *_lost(cell, cells)))
        if cell.status in ("failed", "diverged")
        else cell
        for cell in cells
    ]


def _lost(cell: CellResult, cells: Sequence[CellResult]) -> list[Measurement]:
    siblings = [other for other in cells if other.dataset == cell.dataset]
    # The same model speaks first: it knows what applies to it. Then those that have a number.
    siblings.sort(key=lambda other: other.model != cell.model)
    known = [(other.model == cell.model, m) for other in siblings for m in other.measurements]
    have = {m.metric for m in cell.measurements}
    names = [name for name in dict.fromkeys(m.metric for _, m in known) if name not in have]
    return [_as_lost(cell, [pair for pair in known if pair[1].metric == name]) for name in names]


def _as_lost(cell: CellResult, known: Sequence[tuple[bool, Measurement]]) -> Measurement:
    """What stands for a lost measurement, given its siblings' ones, the same model's first."""
    same_model, first = known[0]
    measured = next((m for _, m in known if m.status == "ok"), None)
    if first.status == "not applicable" and (same_model or measured is None):
        return first
    like = measured or first
    return Measurement(
        like.metric, "diverged" if cell.status == "diverged" else "failed", like.protocol, "",
        reason=cell.reason,
    )  # fmt: skip
