"""What the store knows of cells, as far as their runs can be read."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass

from mlflow.entities import Run

from harness.core.measurement import Measurement
from harness.tracking.cell_uses import USE
from harness.tracking.unreadable import leave_out, readable

NUMBER, FACT = "mlflow.harness.number.", "harness.fact."
"""MLflow's pages hide tags that begin with its own name: numbers are shown there as metrics."""
OLD_NUMBER = "harness.number."
"""The beginning of the tags in which earlier versions wrote numbers."""
COUNTS = ("images", "steps", "peak_memory_bytes", "parameters", "memory_bytes")
SECONDS = ("seconds", "evaluation_seconds")
"""Facts that are numbers."""


@dataclass(frozen=True)
class Record:
    """What the store knows of a cell.

    `status` is "training" until there are weights, then "trained", and "diverged" or "failed" with
    a `reason` where training ended so.
    """

    run_id: str
    training_key: str
    status: str
    reason: str
    measurements: dict[str, Measurement]
    """By measurement key."""
    facts: dict[str, str]
    """What else was recorded of it: training seconds, parameters, device."""
    parent: str = ""
    uses: frozenset[str] = frozenset()
    """The tags of `harness.tracking.cell_uses`."""
    params: frozenset[str] = frozenset()
    """The names of its parameters: all of them, or fewer where a process died as it wrote them."""


def as_record(run: Run, training_keys: Container[str]) -> Record | None:
    """Return the record of a cell from its run, or None where its key is not among these."""
    tags = run.data.tags
    if (key := tags.get("harness.training_key", "")) not in training_keys:
        return None
    return Record(
        run_id=str(run.info.run_id),
        training_key=key,
        status=tags.get("harness.status", "training"),
        reason=tags.get("harness.reason", ""),
        measurements={row.key: row for row in numbers(run)},
        facts=facts(run),
        parent=tags.get("mlflow.parentRunId", ""),
        uses=frozenset(name for name in tags if name.startswith(USE)),
        params=frozenset(run.data.params),
    )


def numbers(run: Run) -> list[Measurement]:
    """The numbers that a run has, each once: the one that was written last."""
    run_id, tags = str(run.info.run_id), run.data.tags
    by_tag = {
        (row.metric, row.key): row
        for prefix in (OLD_NUMBER, NUMBER)
        for row in readable(run_id, tags, prefix, Measurement.from_json)
    }
    return list(by_tag.values())


def facts(run: Run) -> dict[str, str]:
    """What is recorded of a run's training, by name."""
    values = after(FACT, run.data.tags)
    for name in values.keys() & {*COUNTS, *SECONDS}:
        if not _is_number(values[name], name in COUNTS):
            leave_out(str(run.info.run_id), f"its {name}", f"{values.pop(name)!r} is no number")
    return values


def _is_number(text: str, whole: bool) -> bool:
    try:
        return int(text) >= 0 if whole else math.isfinite(float(text))
    except ValueError:
        return False


def after(prefix: str, tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags whose names begin with `prefix`, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in tags.items() if k.startswith(prefix)}
