"""Runs of a tracking store, made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from harness.core.measurement import Measurement
from harness.core.protocol import Protocol
from harness.leaderboards.collection import CollectedEntries, EntryCollector, EntryFilter
from harness.plan.cells import measurement_key
from harness.tracking import CellUse, Store
from harness.tracking.collection import StoredRun, SuiteRun

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SUITES = {"of-ann": SuiteRun("first", {}), "of-bob": SuiteRun("second", {})}


def fid(dataset: str = "digits", **fields: Any) -> Protocol:
    return Protocol("fid", dataset=dataset, **({"samples": 100} | fields))


def value(number: float | None, protocol: Protocol, key: str = "", **fields: Any) -> Measurement:
    status = "ok" if number is not None else "failed"
    return Measurement(protocol.metric, **{
        "status": status, "protocol": protocol, "key": key or f"{protocol.key()}", "value": number,
        **fields,
    })  # fmt: skip


def cell(
    model: str = "gan/mlp", seed: int = 0, numbers: tuple[Measurement, ...] = (), day: int = 0, *,
    params: Mapping[str, str] | None = None, parent: str = "of-ann", **fields: Any,
) -> StoredRun:  # fmt: skip
    """A trained cell on digits, shown 100 images on one machine."""
    plain = {
        "budget.images": "100", "family": "gan", "code": "c0de" * 4, "recipe.width": "64",
        "numerics.precision": "fp32", "numerics.name": "EPYC", "numerics.torch_version": "2.9",
    }  # fmt: skip
    key = fields.pop("training_key", f"{model}-{seed}-{day}")
    return StoredRun(**{
        "run_id": f"{model}-{seed}-{day}", "kind": "cell", "started": BEGAN + timedelta(days=day),
        "model": model, "status": "trained", "reason": "", "numbers": numbers,
        "params": plain | (params or {}), "facts": {"parameters": "5000"},
        "data": {"training": "images-1"}, "training_key": key, "dataset": "digits", "seed": seed,
        "parent": parent, "uses": (CellUse(parent, model, {}),), **fields,
    })  # fmt: skip


def sampled(number: float, key: str, sampling: Mapping[str, Any]) -> Measurement:
    """An FID of what has this training key, with samples drawn so."""
    return value(number, fid(), measurement_key(key, fid(), sampling))


def gathered(*runs: StoredRun, **choice: Any) -> CollectedEntries:
    found = EntryCollector(EntryFilter(**choice), SUITES)
    for run in runs:
        found.add(run)
    return found.result()


def put(store: Store, suite: str, run: StoredRun) -> str:
    """Log a cell the way suites do, and return its run's id."""
    parent = store.open_suite(suite, suite, {"harness.environment.device": "EPYC"})
    axes = {"dataset": run.dataset, "model": run.model, "seed": run.seed}
    cell = store.open_cell(parent, run.run_id, run.training_key, {**axes, **run.params})
    for use in run.uses:
        store.add_use(cell, CellUse(parent, use.model, use.sampling))
    store.set_status(cell.run_id, run.status, run.reason, **run.facts)
    store.record(cell.run_id, run.numbers)
    store.log_datasets(cell.run_id, [(what, run.dataset, d) for what, d in run.data.items()])
    return cell.run_id
