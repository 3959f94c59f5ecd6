"""What else is not as it was when a baseline was saved: recipes, code, data, machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.plan import Plan
from harness.regression.baseline import Baseline, model_of


def alterations(baseline: Baseline, plan: Plan) -> Iterator[str]:
    """A line for each model, dataset and machine that is not as it was, such as "gan/dcgan:
    optimizer.lr was 0.001 and is 0.01".
    """
    cells = {cell.model: cell for cell in plan.cells}
    for name, was in baseline.models.items():
        if name in cells:
            now = model_of(cells[name])
            parts = [*_changed(was.settings, now.settings)]
            parts += ["its code has changed"] if was.code != now.code else []
            parts += [f"its family was {was.family}"] if was.family != now.family else []
            if parts:
                yield f"{name}: {', '.join(parts)}"
    for name, digest in baseline.datasets.items():
        if name in plan.datasets and plan.datasets[name].train.digest() != digest:
            yield f"{name}: its training images are others"
    if parts := list(_changed(baseline.numerics, plan.numerics.to_dict())):
        yield f"machine: {', '.join(parts)}"


def _changed(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    before, after = dict(_flat(was)), dict(_flat(now))
    for name in dict.fromkeys([*before, *after]):
        a, b = before.get(name), after.get(name)
        if a != b:
            yield f"{name} was {_said(a)} and is {_said(b)}"


def _said(value: object) -> str:
    return "none" if value is None else str(value)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, list(value) if isinstance(value, tuple) else value
