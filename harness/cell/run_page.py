"""What MLflow's pages show of a cell: parameters, a description with its numbers, and its model."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Any

from harness.core.measurement import Measurement
from harness.plan import Cell

WEIGHTS = "weights/model.safetensors"
"""The artifact with a trained model's weights."""
PYFUNC = "harness.api.mlflow_model"
"""The module that MLflow asks for the model."""
LINES = 60
"""Numbers that a description lists at most: MLflow stores 8,000 characters."""


def params_of(cell: Cell) -> dict[str, object]:
    """The parameters of the cell's run."""
    return {
        "dataset": cell.dataset,
        "model": cell.model,
        "seed": cell.seed,
        "budget.images": cell.images,
        "family": cell.family,
        **({"code": cell.code} if cell.code else {}),
        **_flat(cell.settings, "recipe."),
        **_flat(cell.numerics.to_dict(), "numerics."),
    }


def description_of(cell: Cell, numbers: Sequence[Measurement] = ()) -> str:
    """What the cell's run is, as Markdown for a reader who meets it in MLflow's interface, with a
    table of its numbers.
    """
    shown = f"{cell.images:,} training images" if cell.is_trained else "samples made elsewhere"
    text = (
        f"**{cell.model}** on **{cell.dataset}**, seed {cell.seed}: {shown}.\n\n"
        "Its numbers and training curves are the metrics of this run; pictures, weights and the "
        "recipe are its artifacts. The parent run is the suite that asked for it: `harness report` "
        "with the suite's name compares it with the others."
    )
    rows = [row for row in numbers if row.value is not None]
    if not rows:
        return text
    table = "\n".join(_line(row) for row in sorted(rows, key=lambda row: row.metric)[:LINES])
    return (
        f"{text}\n\n| metric | value | over |\n|---|--:|---|\n{table}\n\n"
        "± is the standard error of this one evaluation. It is not the spread over seeds: each "
        "seed is a run of its own."
    )


def logged_model_of(cell: Cell, weights_sha256: str) -> dict[str, Any]:
    """What MLflow's list of models says of the cell's model, as `Store.log_model` takes it: its
    weights stay an artifact of the run, and are not stored twice.
    """
    weights = {"weights": WEIGHTS, "weights_sha256": weights_sha256, "recipe": "recipe.json"}
    pyfunc = {"loader_module": PYFUNC, "python_version": platform.python_version()}
    return {
        "name": cell.model,
        "type": cell.family,
        "params": {name: str(value)[:500] for name, value in params_of(cell).items()},
        "tags": {"harness.training_key": cell.training_key, "harness.weights": weights_sha256},
        "step": cell.images,
        "flavors": {"python_function": pyfunc, "harness": weights},
    }


def _line(row: Measurement) -> str:
    error = "" if row.stderr is None else f" ± {row.stderr:.2g}"
    return f"| `{row.metric}` | {row.value:.4g}{error} | {row.over or ''} |"


def _flat(values: dict[str, object], prefix: str) -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in values.items():
        nested = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{name}.") if nested else {prefix + name: value}  # type: ignore[arg-type]
    return flat
