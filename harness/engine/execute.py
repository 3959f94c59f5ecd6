"""A plan's unfinished cells, run on an engine under the suite's parent run."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.cell import Listener, Outcome, Site
from harness.engine.local import run_local
from harness.engine.serial import run_serial
from harness.plan import Cell, Plan
from harness.tracking import Store
from harness.tracking.environment import environment
from harness.training import stopping


def open_site(plan: Plan, store: Store, folder: Path, checkpoint_seconds: float) -> Site:
    """The suite's parent run, with what a reader of it must know."""
    suite = plan.loaded.suite
    facts = {**environment(), "device": plan.numerics.machine}
    tags = {
        "harness.suite": plan.loaded.name,
        "harness.budget": str(suite.budget.images),
        **{f"harness.override.{k}": v for k, v in plan.loaded.overridden.items()},
        **{f"harness.environment.{name}": value for name, value in facts.items()},
        "mlflow.note.content": f"**{suite.title}**\n\n{suite.description}",
    }
    parent = store.open_suite(plan.loaded.name, plan.suite_key, tags)
    store.put(parent, "suite.yaml", plan.loaded.text)
    store.put(parent, "suite-resolved.json", suite.model_dump_json(indent=2))
    store.put(parent, "environment.json", json.dumps(facts, indent=2))
    return Site(store.uri, parent, folder, checkpoint_seconds)


def unfinished(plan: Plan, store: Store) -> list[Cell]:
    """The cells with anything left to do."""
    records = plan.records(store)
    return [cell for cell in plan.cells if not cell.finished(records.get(cell.training_key))]


def execute(
    cells: Sequence[Cell], site: Site, jobs: int, listen: Listener, ended: Callable[[Outcome], None]
) -> list[Outcome]:
    """Run the cells, `jobs` at a time; every one is tried, whatever happens to the others.

    Upon SIGTERM those that run are saved and no other begins (`stopping.requested`).
    """
    if jobs > 1:
        return run_local(cells, site, listen, ended, jobs)
    with stopping.on_sigterm():
        return run_serial(cells, site, listen, ended)
