"""A suite → cells with keys: what is done, what is left.

Two keys make work reusable. The training key is everything that a model's weights depend on; the
measurement key is the training key and the protocol of a number. Both are known before anything
runs, so finished work is found, and only the rest is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import ValidationError

from harness.data import about, load_dataset
from harness.data.base import Dataset
from harness.evaluation.kinds import Role, kinds, obstacle, roles
from harness.evaluation.protocols import Setup, protocol
from harness.extractors import EXTRACTORS, MissingWeights, load_extractor, load_perceptual
from harness.extractors.base import Network
from harness.families import FAMILIES, build_family
from harness.families.base import Family, FamilySettings, Shape
from harness.keys import digest
from harness.metrics import load_metric
from harness.metrics.base import Metric
from harness.spec.errors import BadInput
from harness.spec.measurement import CellResult, Measurement, Status
from harness.spec.protocol import Protocol
from harness.spec.recipe import Recipe, load_recipe
from harness.spec.reference import parse_reference
from harness.spec.suite import DatasetEntry, LoadedSuite
from harness.tracking import Record
from harness.training.code_version import code_version
from harness.training.numerics import Numerics

LOADERS: Mapping[Role, Callable[[str, str], Network]] = {
    "extractor": load_extractor,
    "perceptual": load_perceptual,
}

STANDS: Mapping[str, Literal["ok", "failed", "diverged"]] = {
    "trained": "ok",
    "failed": "failed",
    "diverged": "diverged",
}
"""How a cell stands, by the status of its record."""


@dataclass(frozen=True)
class Wanted:
    """A number that the suite asks for, or the reason why it does not apply."""

    metric: str
    protocol: Protocol
    key: str
    obstacle: str | None = None

    def without(self, status: Status, reason: str) -> Measurement:
        """The row that stands where there is no number. What does not apply says so, whatever
        else went wrong.
        """
        if self.obstacle:
            status, reason = "not applicable", self.obstacle
        return Measurement(self.metric, status, self.protocol, self.key, reason=reason)


@dataclass(frozen=True)
class Cell:
    """One (dataset, model, seed): all that is needed to train and measure it, wherever it runs.

    `settings` are the family's, with every default filled in.
    """

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
        if record is None:
            return False
        return record.status == "diverged" or (
            record.status == "trained" and not self.missing(record)
        )

    def result(self, record: Record | None) -> CellResult:
        """The cell as it stands in the store, with only the numbers that this suite asks for.

        One that ended without weights has a row for each of them too: it must not vanish from the
        table.
        """
        identity = (self.dataset, self.model, self.seed, self.training_key)
        if record is None:
            return CellResult(*identity, status="missing", reason="not run yet")
        status = STANDS.get(record.status)
        known = record.measurements
        rows = {w.key: known[w.key] for w in self.wanted if w.key in known}
        if status in ("failed", "diverged"):
            rows = {w.key: rows.get(w.key) or w.without(status, record.reason) for w in self.wanted}
        return CellResult(
            *identity,
            status=status or "missing",
            run_id=record.run_id,
            reason=record.reason if status else "training did not finish",
            measurements=tuple(rows.values()),
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

    @property
    def report_name(self) -> str:
        """The report's folder: the suite's name, and what was overridden of it."""
        label = self.loaded.overrides.label()
        return f"{self.loaded.name}--{label}" if label else self.loaded.name

    def results(self, records: Mapping[str, Record]) -> list[CellResult]:
        """Every cell as it stands."""
        return [cell.result(records.get(cell.training_key)) for cell in self.cells]


def shape_of(dataset: Dataset) -> Shape:
    """What a model must know of a dataset to be built for it."""
    return Shape(dataset.channels, dataset.size, len(dataset.about.classes))


def check(loaded: LoadedSuite) -> tuple[dict[str, Metric], dict[str, Recipe]]:
    """The metrics and recipes that a suite names, looked up and checked without data or weights.

    Raises BadInput; SpecError with file and line where the suite or a recipe is at fault.
    """
    suite = loaded.suite
    for entry in suite.datasets:
        loaded.at(("datasets", entry.name), about, entry.name)
    metrics = {m: loaded.at(("metrics", m), load_metric, m) for m in suite.all_metrics()}
    recipes = {
        model: loaded.at(("models", model), load_recipe, model, loaded.folder)
        for entry in suite.datasets
        for model in suite.models_on(entry)
    }
    for recipe in recipes.values():
        _settings(recipe)
    return metrics, recipes


def _settings(recipe: Recipe) -> FamilySettings:
    try:
        family = FAMILIES.load(recipe.family)
    except BadInput as error:
        raise recipe.document.error(str(error), ("family",)) from None
    try:
        settings: FamilySettings = family.Settings.model_validate(recipe.settings)
    except ValidationError as error:
        raise recipe.error(error, family.Settings) from None
    return settings


def make_plan(loaded: LoadedSuite, device: str, data_root: Path | None) -> Plan:
    """Everything a suite names is looked up, checked and keyed; nothing runs. Raises as `check`."""
    suite = loaded.suite
    numerics = Numerics.resolve(device)
    metrics, recipes = check(loaded)
    datasets = {
        entry.name: loaded.at(("datasets", entry.name), load_dataset, entry.name, data_root)
        for entry in suite.datasets
    }
    setups = {
        entry.name: _setup(loaded, entry, datasets[entry.name], metrics, numerics)
        for entry in suite.datasets
    }
    train_digests = {name: dataset.train.digest() for name, dataset in datasets.items()}
    pairings = [
        _Pairing(
            recipes[model],
            _blueprint(recipes[model], datasets[entry.name]),
            datasets[entry.name],
            train_digests[entry.name],
            setups[entry.name],
            tuple(metrics[name] for name in suite.metrics_on(entry)),
        )
        for entry in suite.datasets
        for model in suite.models_on(entry)
    ]
    cells = [
        pairing.cell(seed, suite.budget.images, numerics, data_root)
        for seed in suite.seeds
        for pairing in pairings
    ]
    return Plan(loaded, tuple(cells), datasets, recipes, metrics, numerics)


def _blueprint(recipe: Recipe, dataset: Dataset) -> Family:
    """The family with networks that have shapes but no memory; checks the image size."""
    try:
        with torch.device("meta"):
            return build_family(recipe.family, recipe.settings, shape_of(dataset))
    except BadInput as error:
        raise BadInput(f"{recipe.name} on {dataset.name}: {error}") from None


def _setup(
    loaded: LoadedSuite,
    entry: DatasetEntry,
    dataset: Dataset,
    metrics: Mapping[str, Metric],
    numerics: Numerics,
) -> Setup:
    """The feature networks that the entry's metrics need; each must be at hand and fit."""
    suite = loaded.suite
    names: dict[Role, str] = {
        "extractor": suite.extractor or dataset.about.extractor,
        "perceptual": suite.perceptual or dataset.about.perceptual,
    }
    needed = {role for name in suite.metrics_on(entry) for role in roles(metrics[name])}
    labels = {
        role: loaded.at((role,), _checked, role, names[role], dataset)
        for role in sorted(needed & names.keys())
    }
    samples = suite.samples or len(dataset.normal_test)
    return Setup(names, labels, samples, numerics.machine)


def _checked(role: Role, name: str, dataset: Dataset) -> tuple[str, str]:
    """Label and preprocessing of a feature network, once it is known to be usable.

    Where its weights are missing, the error names the network of the dataset's own, if it has one:
    that is part of the package.
    """
    try:
        network = LOADERS[role](name, "cpu")
    except MissingWeights as error:
        own = f"classifier:{parse_reference(dataset.name).name}"
        if own not in EXTRACTORS:
            raise
        raise BadInput(f"{error}; or measure with --{role} {own}") from error
    network.check(dataset.channels, dataset.size)
    return network.label, network.preprocessing


@dataclass(frozen=True)
class _Pairing:
    """A model on a dataset: what its cells of all seeds share."""

    recipe: Recipe
    blueprint: Family
    dataset: Dataset
    train_digest: str
    setup: Setup
    metrics: tuple[Metric, ...]

    def cell(self, seed: int, images: int, numerics: Numerics, data_root: Path | None) -> Cell:
        """The cell of a seed, with its keys."""
        resolved = self.blueprint.settings.model_dump(mode="json")
        sampling = resolved.get("sampling", {})
        trained = {name: value for name, value in resolved.items() if name != "sampling"}
        training_key = digest(
            {
                "family": self.recipe.family,
                "code": code_version(FAMILIES.load(self.recipe.family)),
                "settings": trained,
                "data": self.train_digest,
                "seed": seed,
                "images": images,
                "numerics": numerics.to_dict(),
            }
        )
        return Cell(
            dataset=self.dataset.name,
            model=self.recipe.name,
            seed=seed,
            family=self.recipe.family,
            settings=resolved,
            images=images,
            numerics=numerics,
            setup=self.setup,
            wanted=tuple(self._wanted(m, training_key, sampling) for m in self.metrics),
            training_key=training_key,
            data_root=data_root,
        )

    def _wanted(self, metric: Metric, training_key: str, sampling: Mapping[str, Any]) -> Wanted:
        how = protocol(metric, self.dataset, self.setup)
        reason = obstacle(metric, self.recipe.name, self.blueprint, self.dataset)
        uses_samples = "samples" in {kind.source for kind in kinds(metric)}
        key = digest([training_key, how.key(), sampling if uses_samples else {}])
        return Wanted(metric.name, how, key, reason)
