"""What a suite names, looked up and checked without data or weights."""

from __future__ import annotations

from dataclasses import replace

from pydantic import ValidationError

from harness.config.recipe import Recipe, load_recipe
from harness.config.suite import LoadedSuite, Suite
from harness.config.validate import check_kinds
from harness.core.errors import FAILURES, BadInput, Problems
from harness.core.user_code import look_in
from harness.data import dataset_card
from harness.evaluation.measure import error_line
from harness.evaluation.profiles import load_metric_as
from harness.extractors import extractor_source, perceptual_source
from harness.families import FAMILIES
from harness.families.base import FamilySettings
from harness.metrics.base import Metric
from harness.plan.claims import check_claims
from harness.plan.setup import check_named_networks, suite_networks
from harness.safety.filters import filter_label


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
    if suite.safety_filter:
        problems.of(loaded.at, ("safety_filter",), _check_filter, suite)
    problems.told()
    check_claims(loaded, metrics, recipes)
    presets = suite.presets()
    return metrics, {
        name: replace(recipe, settings=recipe.settings | presets)
        for name, recipe in recipes.items()
    }


def _check_filter(suite: Suite) -> None:
    filter_label(suite.safety_filter or "")
    if suite.external:
        raise BadInput("a safety filter sees what is sampled, not external images; leave one out")


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
