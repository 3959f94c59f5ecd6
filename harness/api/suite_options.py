"""The keywords of calls about a suite as the options of the shell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from harness.api.options import compute_options, name_list, store_options
from harness.cli.suite_options import SuiteOptions
from harness.config.suite import LoadedSuite, load_suite

SuiteSource: TypeAlias = str | Path | Mapping[str, Any]
"""A suite: the name of a shipped one, the path of a file, or what such a file says."""


def suite_options(source: SuiteSource, values: Mapping[str, Any]) -> SuiteOptions:
    """The options of a suite with the changes of a call."""
    name = source if isinstance(source, str) else "suite"
    seeds = values.get("seeds")
    text = seeds if isinstance(seeds, str | None) else ",".join(map(str, seeds))
    names = (
        "budget", "budget_scale", "extractor", "perceptual", "accelerate", "precision",
        "memory_format", "processes",
    )  # fmt: skip
    others = {key: values[key] for key in names if values.get(key) is not None}
    return SuiteOptions(
        str(source) if isinstance(source, Path) else name,
        seeds=text,
        models=name_list(values.get("models")),
        datasets=name_list(values.get("datasets")),
        metrics=name_list(values.get("metrics")),
        **others,
        compute=compute_options(values),
        results=store_options(values),
    )


def load_source(source: SuiteSource, chosen: SuiteOptions) -> LoadedSuite:
    """The suite with its changes. Raises BadInput for what is wrong in it."""
    named = source if isinstance(source, Mapping) else str(source)
    return load_suite(named, chosen.overrides())
