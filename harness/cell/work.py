"""The work on one cell: the cell, its run in the tracking store, and reports of progress."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.cell.following import STRIP
from harness.cell.run_page import description_of, params_of
from harness.cell.site import CellEvent, Listener, Site
from harness.core.measurement import Measurement
from harness.plan import Cell
from harness.tracking import Store
from harness.tracking.store import DESCRIPTION


class CellWork:
    """Opens the cell's run. `record` is what the store has of it, renewed once it is trained.

    The run's parameters are written when it is made, or now where a process died before it wrote
    them.
    """

    def __init__(self, cell: Cell, site: Site, store: Store, listen: Listener) -> None:
        self.cell, self.site, self.store, self._listen = cell, site, store, listen
        record = store.open_cell(
            site.parent, cell.name, cell.training_key, params_of(cell), description_of(cell)
        )
        store.add_use(record, cell.used_by(site.parent), cell.had_by(site.parent))
        if not record.facts:
            recipe = {"family": cell.family, **cell.settings}
            store.put(record.run_id, "recipe.json", json.dumps(recipe, indent=2))
        self.record = record
        self._measured: list[Measurement] = []
        self._curves: list[tuple[int, str, float]] | None = None
        self._strip: bytes | None = None

    @property
    def run_id(self) -> str:
        """The id of the cell's run."""
        return self.record.run_id

    def tell(self, stage: str, done: int, total: int) -> None:
        """Say how far the cell is."""
        self._listen(CellEvent(self.cell.name, stage, done, total))

    def log_curves(self, points: list[tuple[int, str, float]]) -> None:
        """Record the training curves: (images shown, name, value)."""
        self.store.log_curves(self.run_id, points)
        self._curves = points

    def curves(self) -> list[tuple[int, str, float]]:
        """The training curves, as just recorded or as the store has them."""
        return self.store.curves(self.run_id) if self._curves is None else self._curves

    def keep_strip(self, png: bytes) -> None:
        """Record samples of fixed codes over training, a PNG file, if there are any."""
        if png:
            self.store.put(self.run_id, STRIP, png)
        self._strip = png

    def strip(self) -> bytes | None:
        """These samples, as just recorded or as the store has them; None where it has none."""
        return self.store.get(self.run_id, STRIP) if self._strip is None else self._strip

    def record_numbers(self, measurements: Sequence[Measurement]) -> None:
        """Record numbers of the cell."""
        self.store.record(self.run_id, measurements)
        self._measured += measurements

    def describe(self) -> None:
        """Say on the run's page in MLflow what it is and what its numbers are."""
        numbers = self.record.measurements | {row.key: row for row in self._measured}
        text = description_of(self.cell, list(numbers.values()))
        self.store.tag(self.run_id, {DESCRIPTION: text})

    def set_trained(self, **facts: Any) -> None:
        """Record that the cell is trained, with these facts."""
        self.store.set_status(self.run_id, "trained", **facts)
        # Not read back: the store may be away, and the rest is measured all the same.
        texts = {name: str(value) for name, value in facts.items()}
        self.record = replace(self.record, status="trained", facts=self.record.facts | texts)

    def record_failure(self, reason: str) -> None:
        """Record why the cell failed."""
        if self.record.status == "trained":  # the weights stay good
            missing = self.cell.missing(self.store.find(self.cell.training_key))
            self.store.record(self.run_id, [p.without("failed", reason) for p in missing])
        else:
            self.store.set_status(self.run_id, "failed", reason)
        self.store.finish(self.run_id, ok=False)
