"""What has changed since a baseline was saved: recipes, code, data, machine, protocols."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.core.protocol import Protocol
from harness.plan import Plan
from harness.regression.baseline import Baseline
from harness.regression.baseline_from_plan import model_of


def alterations(baseline: Baseline, plan: Plan) -> Iterator[str]:
    """Yields a line for each model, dataset and machine that has changed, such as "gan/dcgan:
    optimizer.lr was 0.001 and is 0.01".
    """
    cells = {cell.model: cell for cell in plan.cells}
    for name, before in baseline.models.items():
        if name in cells:
            now = model_of(cells[name])
            changes = list(_setting_changes(before.settings, now.settings))
            changes += ["its code has changed"] if before.code != now.code else []
            changes += [f"its family was {before.family}"] if before.family != now.family else []
            if changes:
                yield f"{name}: {', '.join(changes)}"
    for name, digest in baseline.datasets.items():
        if name in plan.datasets and plan.datasets[name].train.digest() != digest:
            yield f"{name}: its training images are others"
    if changes := list(_setting_changes(baseline.numerics, plan.numerics.to_dict())):
        yield f"machine: {', '.join(changes)}"


def protocol_changes(before: Protocol, now: Protocol) -> str:
    """Names the fields in which two protocols differ, with both values; empty where they do not.

    >>> protocol_changes(Protocol("fid", samples=500), Protocol("fid", version=2, samples=90))
    'version (1 against 2), samples (500 against 90)'
    """
    fields = [how.to_dict() for how in (before, now)]
    flat = [values | values.pop("settings") for values in fields]
    return ", ".join(f"{name} ({a} against {b})" for name, a, b in _changed_values(*flat))


def _setting_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    flat = dict(_flatten(before)), dict(_flatten(now))
    return (f"{name} was {a} and is {b}" for name, a, b in _changed_values(*flat))


def _changed_values(
    before: Mapping[str, object], now: Mapping[str, object]
) -> Iterator[tuple[str, str, str]]:
    """Yields the name and both values, as text, of what differs."""
    for name in dict.fromkeys([*before, *now]):
        values = before.get(name), now.get(name)
        if values[0] != values[1]:
            a, b = ("none" if value in (None, "") else str(value) for value in values)
            yield name, a, b


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields settings with dotted names instead of nesting."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, list(value) if isinstance(value, tuple) else value
