"""A suite → cells with keys: what is done, what is left.

Two keys make work reusable. The training key is everything that a model's weights depend on; the
measurement key is the training key and the protocol of a number. Both are known before anything
runs, so finished work is found, and only the rest is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.config.recipe import Recipe
from harness.config.suite import LoadedSuite
from harness.core.keys import digest
from harness.core.measurement import CellResult
from harness.data import load_dataset
from harness.data.base import Dataset
from harness.evaluation.protocols import EvalConfig
from harness.metrics.base import Metric
from harness.plan.cells import Cell
from harness.plan.external_samples import sample_cells
from harness.plan.per_class import expand
from harness.plan.setup import suite_eval_config
from harness.plan.suite_checks import check_suite
from harness.plan.trained_cells import DatasetContext, trained_cells
from harness.training.numerics import Numerics

if TYPE_CHECKING:
    from harness.tracking import Record, Store


@dataclass(frozen=True)
class Plan:
    """The cells of a suite, in the order in which they run: seed by seed.

    `each` has the datasets that a name such as `digits[unseen=each]` stood for; `loaded` names
    these in its place.
    """

    loaded: LoadedSuite
    cells: tuple[Cell, ...]
    datasets: Mapping[str, Dataset]
    recipes: Mapping[str, Recipe]
    metrics: Mapping[str, Metric]
    numerics: Numerics
    each: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def suite_key(self) -> str:
        """What the parent run stands for: the suite under one budget, or one for each dataset that
        says its own, on one kind of machine. Seeds, models and metrics may be added without making
        it another.
        """
        suite = self.loaded.suite
        budgets = {entry.name: entry.budget.images for entry in suite.datasets if entry.budget}
        numerics = self.numerics.to_dict() | suite.presets()
        return digest([self.loaded.name, suite.budget.images, numerics] + [budgets] * bool(budgets))

    def records(self, store: Store) -> dict[str, Record]:
        """The records of the cells in the tracking store, by training key."""
        return store.records([cell.training_key for cell in self.cells], self.loaded.name)

    def results(self, records: Mapping[str, Record]) -> list[CellResult]:
        """The result of every cell, from its record."""
        return [cell.result(records.get(cell.training_key)) for cell in self.cells]


def make_plan(
    loaded: LoadedSuite,
    device: str | Numerics,
    data_root: Path | None,
    tell: Callable[[str], None] = lambda text: None,
) -> Plan:
    """Look up, check and key everything that a suite names; nothing runs. Raises as `check_suite`.

    `device` is one of this machine's, or how a machine computes. `tell` gets a line for each step.
    """
    tell("checking recipes and metrics")
    numerics = device
    if isinstance(numerics, str):
        numerics = Numerics.resolve(numerics, accelerate=loaded.suite.accelerate)
    metrics, recipes = check_suite(loaded)
    loaded, each = expand(loaded, data_root)
    datasets = _read_datasets(loaded, data_root, tell)
    tell("preparing feature networks and models")
    contexts = _contexts(loaded, datasets, metrics, numerics)
    cells = [
        *trained_cells(loaded, recipes, metrics, contexts, data_root),
        *_untrained_cells(loaded, metrics, contexts, data_root),
    ]
    return Plan(loaded, tuple(cells), datasets, recipes, metrics, numerics, each)


def _read_datasets(
    loaded: LoadedSuite, data_root: Path | None, tell: Callable[[str], None]
) -> dict[str, Dataset]:
    datasets = {}
    for entry in loaded.suite.datasets:
        tell(f"reading {entry.name}")
        place = ("datasets", entry.name)
        datasets[entry.name] = loaded.at(place, load_dataset, entry.name, data_root)
    return datasets


def _contexts(
    loaded: LoadedSuite,
    datasets: Mapping[str, Dataset],
    metrics: Mapping[str, Metric],
    numerics: Numerics,
) -> dict[str, DatasetContext]:
    """What all models on a dataset share, by the dataset's name."""
    setups: dict[str, EvalConfig] = {
        entry.name: suite_eval_config(loaded, entry, datasets[entry.name], metrics, numerics)
        for entry in loaded.suite.datasets
    }
    budgets = loaded.suite.budgets()
    return {
        name: DatasetContext(dataset, dataset.train.digest(), setups[name], numerics, budgets[name])
        for name, dataset in datasets.items()
    }


def _untrained_cells(
    loaded: LoadedSuite,
    metrics: Mapping[str, Metric],
    contexts: Mapping[str, DatasetContext],
    data_root: Path | None,
) -> Iterator[Cell]:
    """The cells of images that no model of the suite made."""
    for entry in loaded.suite.datasets:
        context = contexts[entry.name]
        measured = [metrics[name] for name in loaded.suite.metrics_on(entry)]
        for cell in sample_cells(
            loaded, context.dataset, context.setup, measured, context.numerics
        ):
            yield replace(cell, data_root=data_root)
