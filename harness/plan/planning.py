"""A suite → cells with keys: what is done, what is left.

Two keys make work reusable. The training key is everything that a model's weights depend on; the
measurement key is the training key and the protocol of a number. Both are known before anything
runs, so finished work is found, and only the rest is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from harness.config.claim_parts import ModelAt
from harness.config.recipe import Recipe, load_recipe
from harness.config.suite import DatasetEntry, LoadedSuite, Suite
from harness.config.validate import check_kinds
from harness.core.errors import FAILURES, BadInput, Problems
from harness.core.import_files import opened_on_import
from harness.core.keys import digest
from harness.core.measurement import CellResult
from harness.core.user_code import look_in
from harness.data import dataset_card, load_dataset
from harness.data.base import Dataset
from harness.evaluation.measure import error_line
from harness.evaluation.profiles import load_metric_as
from harness.evaluation.protocols import EvalConfig
from harness.evaluation.subject import model_subject
from harness.extractors import extractor_source, perceptual_source
from harness.families import FAMILIES, build_family
from harness.families.base import Family, FamilySettings
from harness.metrics.base import Metric
from harness.plan.building import shape_of
from harness.plan.cells import Cell, MetricRequest, request_metrics
from harness.plan.claims import check_claims
from harness.plan.external_samples import sample_cells
from harness.plan.per_class import expand
from harness.plan.setup import check_named_networks, suite_eval_config, suite_networks
from harness.tracking import Record, Store
from harness.training.budget import depends_on_horizon
from harness.training.code_version import code_digests, code_version, sampling_version
from harness.training.family_files import file_digests, frozen_digests, opened_files
from harness.training.numerics import Numerics


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


def check_suite(loaded: LoadedSuite) -> tuple[dict[str, Metric], dict[str, Recipe]]:
    """The metrics and recipes that a suite names, looked up and checked without data or weights.
    The modules in the suite's folder can be imported from now on.

    Raises BadInput; SpecError with file and line where the suite or a recipe is at fault.
    """
    look_in(loaded.folder)
    suite, problems = loaded.suite, Problems()
    loaded.at(("profile",), suite_networks, suite)
    for entry in suite.datasets:
        problems.of(loaded.at, ("datasets", entry.name), dataset_card, entry.name)
    recipes: dict[str, Recipe] = {}
    for model in dict.fromkeys(m for entry in suite.datasets for m in suite.models_on(entry)):
        if recipe := problems.of(loaded.at, ("models", model), load_recipe, model, loaded.folder):
            recipes[model] = recipe
            problems.of(_settings, recipe)
    metrics: dict[str, Metric] = {}
    for name in suite.all_metrics():
        if metric := problems.of(loaded.at, ("metrics", name), load_metric_as, suite.profile, name):
            metrics[name] = metric
            problems.of(loaded.at, ("metrics", name), check_named_networks, metric)
    for key, network, look in [
        ("extractor", suite.extractor, extractor_source),
        ("perceptual", suite.perceptual, perceptual_source),
    ]:
        if network:
            problems.of(loaded.at, (key,), look, network)
    problems.told()
    check_claims(loaded, metrics, recipes)
    presets = suite.presets()
    return metrics, {
        name: replace(recipe, settings=recipe.settings | presets)
        for name, recipe in recipes.items()
    }


def _settings(recipe: Recipe) -> FamilySettings:
    try:
        family = FAMILIES.load(recipe.family)
    except BadInput as error:
        raise recipe.document.error(str(error), ("family",)) from None
    try:
        settings: FamilySettings = family.Settings.model_validate(recipe.settings)
    except ValidationError as error:
        raise recipe.error(error, family.Settings) from None
    except FAILURES as error:
        raise recipe.document.error(f"its settings fail with {error_line(error)}") from error
    check_kinds(recipe.settings, settings, recipe.document.error)
    return settings


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
    suite = loaded.suite
    datasets = {}
    for entry in suite.datasets:
        tell(f"reading {entry.name}")
        where = ("datasets", entry.name)
        datasets[entry.name] = loaded.at(where, load_dataset, entry.name, data_root)
    tell("preparing feature networks and models")
    setups = {
        entry.name: suite_eval_config(loaded, entry, datasets[entry.name], metrics, numerics)
        for entry in suite.datasets
    }
    budgets = suite.budgets()
    contexts = {
        name: _DatasetContext(
            dataset, dataset.train.digest(), setups[name], numerics, budgets[name]
        )
        for name, dataset in datasets.items()
    }
    families = {recipe.family for recipe in recipes.values()}
    codes = {family: code_version(FAMILIES.load(family)) for family in families}
    samplers = {family: sampling_version(FAMILIES.load(family)) for family in families}
    models_on_datasets = [
        _model_on_dataset(
            side,
            recipes[side.model],
            codes[recipes[side.model].family],
            samplers[recipes[side.model].family],
            contexts[entry.name],
            [metrics[name] for name in names],
        )
        for entry in suite.datasets
        for side, names in _trained_on(suite, entry)
    ]
    cells = [
        model_on_dataset.cell(seed, data_root)
        for seed in suite.seeds
        for model_on_dataset in models_on_datasets
    ]
    for entry in suite.datasets:
        dataset, setup = datasets[entry.name], setups[entry.name]
        entry_metrics = [metrics[name] for name in suite.metrics_on(entry)]
        cells += [
            replace(cell, data_root=data_root)
            for cell in sample_cells(loaded, dataset, setup, entry_metrics, numerics)
        ]
    return Plan(loaded, tuple(cells), datasets, recipes, metrics, numerics, each)


def _trained_on(suite: Suite, entry: DatasetEntry) -> Iterator[tuple[ModelAt, tuple[str, ...]]]:
    """The models on a dataset, and the training fractions that claims are about, each with its
    metrics.
    """
    for model in suite.models_on(entry):
        yield ModelAt(model=model), suite.metrics_on(entry)
    yield from suite.points_on(entry).items()


def _blueprint(recipe: Recipe, dataset: Dataset) -> tuple[Family, dict[str, str]]:
    """The family with networks that have shapes but no memory, and digests of the files that it
    depends on; checks the image size, and that frozen networks are at hand.
    """
    kind = FAMILIES.load(recipe.family)
    is_users = not kind.__module__.startswith("harness.")
    watch = opened_files() if is_users else nullcontext(list[str]())
    where = f"{recipe.name} on {dataset.name}"
    try:
        with torch.device("meta"), watch as opened:
            family = build_family(recipe.family, recipe.settings, shape_of(dataset))
        if not is_users:
            return family, frozen_digests(family)
        return family, file_digests(family, [*opened, *opened_on_import(code_digests(kind))])
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None
    except FAILURES as error:
        if not is_users:
            raise
        message = f"{where}: build fails with {error_line(error)}"
        raise recipe.document.error(message, ("family",)) from error


@dataclass(frozen=True)
class _DatasetContext:
    """A dataset, how it is measured on, the machine, and the budget of a whole training in images:
    what all models on it share.
    """

    dataset: Dataset
    train_digest: str
    setup: EvalConfig
    numerics: Numerics
    images: int


@dataclass(frozen=True)
class _ModelOnDataset:
    """A model, or a training fraction of it, on a dataset: what its cells of all seeds share."""

    side: ModelAt
    recipe: Recipe
    code: str
    files: dict[str, str]
    settings: dict[str, Any]
    sampling: dict[str, Any]
    numerics: Numerics
    context: _DatasetContext
    requests: tuple[MetricRequest, ...]
    has_horizon: bool
    takes_steps: bool

    def cell(self, seed: int, data_root: Path | None) -> Cell:
        """The cell of a seed, with its keys.

        Where nothing in training depends on when it will end, a training fraction is a shorter
        training; elsewhere it is the whole one, stopped there.
        """
        horizon = self.context.images if self.has_horizon else None
        images = max(1, round(self.side.at * self.context.images)) if self.takes_steps else 0
        trained = {name: value for name, value in self.settings.items() if name != "sampling"}
        ingredients = {
            "family": self.recipe.family,
            "code": self.code,
            "settings": trained,
            "data": self.context.train_digest,
            "seed": seed,
            "images": images,
            **({"horizon": horizon} if horizon else {}),
            "numerics": self.numerics.to_dict(),
            **({"files": self.files} if self.files else {}),
        }
        training_key = digest(ingredients)
        return Cell(
            dataset=self.context.dataset.name,
            model=str(self.side),
            seed=seed,
            family=self.recipe.family,
            settings=self.settings,
            images=images,
            horizon=horizon,
            numerics=self.numerics,
            setup=self.context.setup,
            planned_measurements=tuple(request.of(training_key) for request in self.requests),
            training_key=training_key,
            data_root=data_root,
            code=self.code,
            sampling=self.sampling,
            ingredients=ingredients,
        )


def _model_on_dataset(  # noqa: PLR0913, PLR0917 - what the cells share, each by name
    side: ModelAt,
    recipe: Recipe,
    code: str,
    samplers: str,
    context: _DatasetContext,
    metrics: Sequence[Metric],
) -> _ModelOnDataset:
    blueprint, files = _blueprint(recipe, context.dataset)
    settings = blueprint.settings.model_dump(mode="json")
    subject = model_subject(recipe.name, blueprint, context.dataset, context.setup.samples)
    sampling = dict(settings.get("sampling", {}))
    if samplers:
        sampling["code"] = samplers
    requests = request_metrics(metrics, subject, context.setup, sampling)
    numerics = context.numerics.of(blueprint.settings)
    return _ModelOnDataset(
        side,
        recipe,
        code,
        files,
        settings,
        sampling,
        numerics,
        context,
        requests,
        _has_horizon(blueprint),
        blueprint.takes_steps,
    )


def _has_horizon(blueprint: Family) -> bool:
    """Whether training depends on when it ends. What is wrong with a user's phases is said where
    the family is tried (`harness.plan.family_trial`).
    """
    try:
        return depends_on_horizon(blueprint.phases())
    except FAILURES:
        if type(blueprint).__module__.startswith("harness."):
            raise
        return False
