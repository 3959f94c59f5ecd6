"""A suite → cells with keys: what is done, what is left.

Two keys make work reusable. The training key is everything that a model's weights depend on; the
measurement key is the training key and the protocol of a number. Both are known before anything
runs, so finished work is found, and only the rest is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from harness.data import load_dataset
from harness.data.base import Dataset
from harness.evaluation.kinds import Role, obstacle, roles
from harness.evaluation.protocols import Setup, protocol
from harness.extractors import describe
from harness.families import build_family, family_class
from harness.families.base import Family, Shape
from harness.keys import digest
from harness.metrics import load_metric
from harness.metrics.base import Metric
from harness.spec.errors import BadInput
from harness.spec.measurement import CellResult
from harness.spec.protocol import Protocol
from harness.spec.recipe import Recipe, load_recipe
from harness.spec.suite import DatasetEntry, LoadedSuite
from harness.tracking import Record
from harness.training.code_version import code_version
from harness.training.numerics import Numerics


@dataclass(frozen=True)
class Wanted:
    """A number that the suite asks for, or the reason why it does not apply."""

    metric: str
    protocol: Protocol
    key: str
    obstacle: str | None = None


@dataclass(frozen=True)
class Cell:
    """One (dataset, model, seed): all that is needed to train and measure it, wherever it runs."""

    dataset: str
    model: str
    seed: int
    family: str
    settings: dict[str, Any]
    images: int
    numerics: Numerics
    setup: Setup
    wanted: tuple[Wanted, ...]
    training_key: str
    data_root: Path | None = None

    @property
    def name(self) -> str:
        """For people: `digits · gan/dcgan · seed 0`."""
        return f"{self.dataset} · {self.model} · seed {self.seed}"

    def missing(self, record: Record | None) -> list[Wanted]:
        """What is still to be measured; a failed measurement is tried again."""
        if record is None:
            return list(self.wanted)
        have = {key for key, m in record.measurements.items() if m.status != "failed"}
        return [wanted for wanted in self.wanted if wanted.key not in have]

    def finished(self, record: Record | None) -> bool:
        """Whether nothing is left to do. Divergence is a result: it would diverge again."""
        if record is None or record.status not in ("trained", "diverged"):
            return False
        return not self.missing(record)

    def result(self, record: Record | None) -> CellResult:
        """The cell as it stands in the store, with only the numbers that this suite asks for."""
        identity = (self.dataset, self.model, self.seed, self.training_key)
        if record is None:
            return CellResult(*identity, status="missing", reason="not run yet")
        status = {"trained": "ok", "diverged": "diverged", "failed": "failed"}.get(record.status)
        return CellResult(
            *identity,
            status=status or "missing",  # type: ignore[arg-type]
            run_id=record.run_id,
            reason=record.reason if status else "training did not finish",
            measurements=tuple(
                record.measurements[w.key] for w in self.wanted if w.key in record.measurements
            ),
            costs=dict(record.facts),
        )


@dataclass(frozen=True)
class Plan:
    """The cells of a suite, in the order in which they run: seed by seed."""

    loaded: LoadedSuite
    cells: tuple[Cell, ...]
    datasets: Mapping[str, Dataset]
    recipes: Mapping[str, Recipe]
    metrics: Mapping[str, Metric]
    numerics: Numerics

    @property
    def suite_key(self) -> str:
        """What the parent run stands for: the suite under one budget on one kind of machine.
        Seeds, models and metrics may be added without making it another.
        """
        budget = self.loaded.suite.budget.images
        return digest([self.loaded.name, budget, self.numerics.to_dict()])

    def results(self, records: Mapping[str, Record]) -> list[CellResult]:
        """Every cell as it stands."""
        return [cell.result(records.get(cell.training_key)) for cell in self.cells]


def make_plan(loaded: LoadedSuite, device: str, data_root: Path | None) -> Plan:
    """Everything a suite names is looked up, checked and keyed; nothing runs.

    Raises BadInput (SpecError with file and line where the suite or a recipe is at fault).
    """
    suite = loaded.suite
    numerics = Numerics.resolve(device)
    metrics = {m: loaded.at(("metrics", m), load_metric, m) for m in _all_metrics(loaded)}
    recipes = {m: loaded.at(("models", m), load_recipe, m) for m in _all_models(loaded)}
    datasets = {
        entry.name: loaded.at(("datasets", entry.name), load_dataset, entry.name, data_root)
        for entry in suite.datasets
    }
    blueprints = {
        (entry.name, model): _blueprint(recipes[model], datasets[entry.name])
        for entry in suite.datasets
        for model in entry.models or suite.models
    }
    setups = {
        entry.name: _setup(loaded, entry, datasets[entry.name], metrics, numerics)
        for entry in suite.datasets
    }
    train_digests = {name: dataset.train.digest() for name, dataset in datasets.items()}
    cells = [
        _cell(
            recipes[model],
            blueprints[entry.name, model],
            datasets[entry.name],
            train_digests[entry.name],
            seed,
            suite.budget.images,
            numerics,
            setups[entry.name],
            [metrics[name] for name in entry.metrics or suite.metrics],
            data_root,
        )
        for seed in suite.seeds
        for entry in suite.datasets
        for model in entry.models or suite.models
    ]
    return Plan(loaded, tuple(cells), datasets, recipes, metrics, numerics)


def _all_metrics(loaded: LoadedSuite) -> list[str]:
    named = [*loaded.suite.metrics, *_chained(entry.metrics for entry in loaded.suite.datasets)]
    return list(dict.fromkeys(named))


def _all_models(loaded: LoadedSuite) -> list[str]:
    named = [*loaded.suite.models, *_chained(entry.models for entry in loaded.suite.datasets)]
    return list(dict.fromkeys(named))


def _chained(lists: Iterable[Iterable[str] | None]) -> Iterator[str]:
    return (name for names in lists for name in names or ())


def _blueprint(recipe: Recipe, dataset: Dataset) -> Family:
    """The family with networks that have shapes but no memory: checks settings and image size."""
    shape = Shape(dataset.channels, dataset.size, len(dataset.about.classes))
    try:
        with torch.device("meta"):
            return build_family(recipe.family, recipe.settings, shape)
    except ValidationError as error:
        raise recipe.error(error) from None
    except BadInput as error:
        raise BadInput(f"{recipe.name} on {dataset.name}: {error}") from None


def _setup(
    loaded: LoadedSuite,
    entry: DatasetEntry,
    dataset: Dataset,
    metrics: Mapping[str, Metric],
    numerics: Numerics,
) -> Setup:
    """The feature networks that the entry's metrics need; each must be at hand and fit the images."""
    suite = loaded.suite
    names: dict[Role, str] = {
        "extractor": suite.extractor or dataset.about.extractor,
        "perceptual": suite.perceptual or dataset.about.perceptual,
    }
    needed = {role for name in entry.metrics or suite.metrics for role in roles(metrics[name])}
    labels = {
        role: loaded.at((role,), describe, role, names[role], dataset.channels, dataset.size)
        for role in needed & names.keys()
    }
    samples = suite.samples or len(dataset.normal_test)
    return Setup(names, labels, samples, numerics.machine)


def _cell(
    recipe: Recipe,
    blueprint: Family,
    dataset: Dataset,
    train_digest: str,
    seed: int,
    images: int,
    numerics: Numerics,
    setup: Setup,
    metrics: list[Metric],
    data_root: Path | None,
) -> Cell:
    settings = blueprint.settings.model_dump(mode="json")
    sampling = settings.pop("sampling", {})
    training_key = digest(
        {
            "family": recipe.family,
            "code": code_version(family_class(recipe.family)),
            "settings": settings,
            "data": train_digest,
            "seed": seed,
            "images": images,
            "numerics": numerics.to_dict(),
        }
    )
    wanted = [
        _wanted(metric, recipe.name, blueprint, dataset, setup, training_key, sampling)
        for metric in metrics
    ]
    return Cell(
        dataset=dataset.name,
        model=recipe.name,
        seed=seed,
        family=recipe.family,
        settings=recipe.settings,
        images=images,
        numerics=numerics,
        setup=setup,
        wanted=tuple(wanted),
        training_key=training_key,
        data_root=data_root,
    )


def _wanted(
    metric: Metric,
    model: str,
    blueprint: Family,
    dataset: Dataset,
    setup: Setup,
    training_key: str,
    sampling: Mapping[str, Any],
) -> Wanted:
    how = protocol(metric, dataset, setup)
    reason = obstacle(metric, model, blueprint, dataset)
    uses_samples = any(need.startswith(("sample", "sampling")) for need in metric.needs)
    key = digest([training_key, how.key(), sampling if uses_samples else {}])
    return Wanted(metric.name, how, key, reason)
