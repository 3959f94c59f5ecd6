"""The cells of models that a suite trains, with their keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from harness.config.claim_parts import ModelAt
from harness.config.recipe import Recipe
from harness.config.suite import DatasetEntry, LoadedSuite, Suite
from harness.core.errors import FAILURES, BadInput
from harness.core.import_files import opened_on_import
from harness.core.keys import digest
from harness.data.base import Dataset
from harness.evaluation.measure import error_line
from harness.evaluation.protocols import EvalConfig
from harness.evaluation.subject import model_subject
from harness.families import FAMILIES, build_family
from harness.families.base import Family, ImageShape
from harness.families.pretrained.autoencoder_model import PretrainedAutoencoder
from harness.families.pretrained.model import Pretrained
from harness.metrics.base import Metric
from harness.plan.building import is_user_family, shape_of
from harness.plan.cells import Cell, MetricRequest, request_metrics
from harness.training.budget import depends_on_horizon
from harness.training.code_version import code_digests, code_version, sampling_version
from harness.training.family_files import file_digests, frozen_digests, opened_files
from harness.training.generator_content import content_digests, keyed_settings
from harness.training.numerics import Numerics


@dataclass(frozen=True)
class DatasetContext:
    """A dataset, how it is measured on, the machine, and the budget of a whole training in images:
    what all models on it share.
    """

    dataset: Dataset
    train_digest: str
    setup: EvalConfig
    numerics: Numerics
    images: int

    @cached_property
    def shape(self) -> ImageShape:
        """The shape for which models are built."""
        return shape_of(self.dataset)


def trained_cells(
    loaded: LoadedSuite,
    recipes: Mapping[str, Recipe],
    metrics: Mapping[str, Metric],
    contexts: Mapping[str, DatasetContext],
    data_root: Path | None,
) -> list[Cell]:
    """The cells of every recipe of a suite, seed by seed; `contexts` has its datasets by name.

    Raises BadInput, with the file and line that name the model, where it does not fit a dataset.
    """
    suite = loaded.suite
    families = {recipe.family for recipe in recipes.values()}
    codes = {family: code_version(FAMILIES.load(family)) for family in families}
    samplers = {family: sampling_version(FAMILIES.load(family)) for family in families}
    models_on_datasets = [
        loaded.at(
            ("models", side.model),
            _model_on_dataset,
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
    return [
        model_on_dataset.cell(seed, data_root)
        for seed in suite.seeds
        for model_on_dataset in models_on_datasets
    ]


def _trained_on(suite: Suite, entry: DatasetEntry) -> Iterator[tuple[ModelAt, tuple[str, ...]]]:
    """The models on a dataset, and the training fractions that claims are about, each with its
    metrics.
    """
    for model in suite.models_on(entry):
        yield ModelAt(model=model), suite.metrics_on(entry)
    yield from suite.fractions_on(entry).items()


def _blueprint(recipe: Recipe, context: DatasetContext) -> tuple[Family, dict[str, str]]:
    """The family with networks that have shapes but no memory, and digests of the files that it
    depends on; checks the image size, and that frozen networks are at hand.
    """
    kind = FAMILIES.load(recipe.family)
    is_users = is_user_family(kind)
    watch = opened_files() if is_users else nullcontext(list[str]())
    where = f"{recipe.name} on {context.dataset.name}"
    try:
        with torch.device("meta"), watch as opened:
            family = build_family(recipe.family, recipe.settings, context.shape)
        if isinstance(family, Pretrained | PretrainedAutoencoder):
            return family, content_digests(family.generator)
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
class _ModelOnDataset:
    """A model, or a training fraction of it, on a dataset: what its cells of all seeds share."""

    side: ModelAt
    recipe: Recipe
    code: str
    files: dict[str, str]
    settings: dict[str, Any]
    sampling: dict[str, Any]
    numerics: Numerics
    context: DatasetContext
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
        trained = keyed_settings(self.recipe.family, self.settings)
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
    context: DatasetContext,
    metrics: Sequence[Metric],
) -> _ModelOnDataset:
    blueprint, files = _blueprint(recipe, context)
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
        if not is_user_family(type(blueprint)):
            raise
        return False
