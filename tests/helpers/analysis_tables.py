"""Small tidy tables for the tests of this folder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from harness.config.claim import Claim
from harness.config.claim_shapes import make_claim
from harness.core.measurement import COLUMNS
from harness.metrics.base import Estimate, Metric


def metric(name: str, better: str = "higher", scale: str = "linear") -> Metric:
    return Metric(name, lambda: Estimate(0.0), better, name.upper(), "", scale=scale)  # type: ignore[arg-type]


METRICS = {
    "recall": metric("recall"),
    "coverage": metric("coverage"),
    "fid": metric("fid", "lower", "log"),
}


def row(model: str, seed: int, value: float, **changes: Any) -> dict[str, Any]:
    name = changes.get("metric", "recall")
    plain = {
        "dataset": "digits", "model": model, "seed": seed, "metric": name, "status": "ok",
        "value": value, "stderr": math.nan, "over": "", "reason": "",
        "protocol": f"{name}[n=9/9 test]", "protocol_key": name, "training_key": "",
        "measurement_key": "", "run_id": f"run-{model}-{seed}",
    }  # fmt: skip
    return {**plain, **changes}


def table(values: Mapping[str, Sequence[float]], **changes: Any) -> pd.DataFrame:
    """A row for each model and seed, seeds counted from zero."""
    rows = [
        row(model, seed, value, **changes)
        for model, numbers in values.items()
        for seed, value in enumerate(numbers)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def failed(frame: pd.DataFrame, model: str, seed: int, status: str = "diverged") -> pd.DataFrame:
    """The table with one cell that gave no number."""
    hit = (frame["model"] == model) & (frame["seed"] == seed)
    changed = frame.copy()
    changed.loc[hit, ["value", "status", "reason"]] = [math.nan, status, "loss became NaN"]
    return changed


def claim(**changes: Any) -> Claim:
    """A claim that a beats b, with what is changed; what is None is left out."""
    plain = {
        "id": "c", "statement": "a beats b", "metric": "recall", "model": "a", "against": "b",
    }  # fmt: skip
    return make_claim(**{k: v for k, v in {**plain, **changes}.items() if v is not None})
