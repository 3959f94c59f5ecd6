"""Suites whose numbers are put where a run would have put them: nothing is trained."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from harness.config.suite import Overrides, load_suite
from harness.core.measurement import CellResult, Measurement
from harness.plan import Cell, Plan, PlannedMeasurement, make_plan
from harness.tracking import Record

SUITE = """\
title: A suite to guard
seeds: [0, 1, 2, 3, 4]
budget: {images: 640}
datasets: [digits]
models: [autoencoder/conv, vae/vae]
metrics: [mse, psnr, training_time]
"""

Value = Callable[[Cell, PlannedMeasurement], float | str]
"""A number, or why there is none: "diverged: the loss was nan"; an empty text where it is not
measured yet."""


def noisy(effects: dict[str, float] | None = None, noise: int = 0) -> Value:
    """Positive values with five per cent of noise over seeds, the same for the same `noise`; those
    of a metric or a model in `effects` are multiplied.
    """

    def value(cell: Cell, wanted: PlannedMeasurement) -> float:
        name = f"{cell.model} {wanted.metric} {cell.seed} {noise}"
        luck = np.random.default_rng(list(name.encode())).normal()
        factor = (effects or {}).get(wanted.metric, 1.0) * (effects or {}).get(cell.model, 1.0)
        return float(factor * np.exp(0.05 * luck))

    return value


def plan_of(folder: Path, text: str = SUITE, **overrides: object) -> Plan:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "guarded.yaml").write_text(text)
    return make_plan(load_suite(str(folder / "guarded.yaml"), Overrides(**overrides)), "cpu", None)


def rows(cell: Cell, value: Value) -> list[Measurement]:
    found = []
    for wanted in cell.planned_measurements:
        said = value(cell, wanted)
        if wanted.obstacle:
            found.append(wanted.without("not applicable", ""))
        elif isinstance(said, float):
            found.append(Measurement(wanted.metric, "ok", wanted.protocol, wanted.key, said))
        elif said:
            status, _, reason = said.partition(": ")
            found.append(wanted.without(status, reason))  # type: ignore[arg-type]
    return found


def records_of(plan: Plan, value: Value) -> dict[str, Record]:
    """By training key, as the tracking store has them."""
    return {
        cell.training_key: Record(
            f"run-{cell.seed}", cell.training_key, "trained", "",
            {row.key: row for row in rows(cell, value)}, {},
        )
        for cell in plan.cells
    }  # fmt: skip


def results_of(plan: Plan, value: Value) -> list[CellResult]:
    return plan.results(records_of(plan, value))
