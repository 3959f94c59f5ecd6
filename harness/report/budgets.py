"""How many training images models were shown, by dataset, and in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from harness.core.counting import counted_on
from harness.report.results import SuiteRecord
from harness.statistics.formatting import number

Budgets = Mapping[str, Mapping[str, int]]
"""The training images that each model was shown, by model and dataset."""


def budgets_of(record: SuiteRecord) -> Budgets:
    """Return the budget of each trained model whose budget is known, on the datasets on which the
    model has cells; on all datasets where it has none.
    """
    trained = {(cell.model, cell.dataset) for cell in record.cells}
    budgets = {}
    for model in record.models:
        if model.images:
            on_all = {d.name: d.budget or model.images for d in record.datasets}
            measured = {name: n for name, n in on_all.items() if (model.name, name) in trained}
            budgets[model.name] = measured or on_all
    return budgets


def distinct_budgets(budgets: Budgets) -> list[int]:
    """Return every number of training images that a model was shown, sorted."""
    return sorted({images for by_dataset in budgets.values() for images in by_dataset.values()})


def are_unequal(budgets: Budgets) -> bool:
    """Whether two models were shown different numbers of training images on one dataset."""
    by_dataset: dict[str, int] = {}
    return any(
        by_dataset.setdefault(dataset, images) != images
        for shown in budgets.values()
        for dataset, images in shown.items()
    )


def bounds(images: Collection[int]) -> list[int]:
    """Return the least and the largest of the numbers, or the one that there is."""
    return sorted({min(images), max(images)})


def budget_text(budgets: Budgets) -> str:
    """What all models were shown, as a part of a sentence."""
    images = distinct_budgets(budgets)
    if not images:
        return "with no budget recorded"
    if len(images) == 1 or are_unequal(budgets):
        return f"each shown {' to '.join(map(_grouped, bounds(images)))} training images"
    by_dataset = {dataset: n for shown in budgets.values() for dataset, n in shown.items()}
    return f"each shown {counted_on(by_dataset, 'training image', write=_grouped)}"


def _grouped(images: int) -> str:
    return number(images, 0)
