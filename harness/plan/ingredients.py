"""What a training key is made from, for people: why a cell trains again, or does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.core.errors import BadInput, suggest
from harness.families import FAMILIES
from harness.plan.planning import Plan
from harness.training.code_version import code_digests


def ingredients(plan: Plan, model: str) -> Iterator[tuple[str, str]]:
    """Names and values of all that the training keys of `model` depend on, cell by cell, and then
    the digest of each module behind `code`. Raises BadInput where the suite trains no such model.
    """
    cells = [cell for cell in plan.cells if cell.model == model and cell.is_trained]
    if not cells:
        trained = dict.fromkeys(cell.model for cell in plan.cells if cell.is_trained)
        raise BadInput(f"{plan.loaded.name} trains no model {model!r}{suggest(model, trained)}")
    for cell in cells:
        yield cell.name, cell.training_key
        yield from _flat(cell.ingredients, "  ")
    family = FAMILIES.load(cells[0].family)
    yield f"code {cells[0].code}", "the digests of"
    for name, digest in sorted(code_digests(family).items()):
        yield f"  {name}", digest


def _flat(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, str(value)
