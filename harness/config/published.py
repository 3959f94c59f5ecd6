"""Published figures as files, one for each table of a paper, with the suites that measure the same.

title: Bounds on the likelihood of binarised MNIST
source: {paper: "Burda et al. 2016", id: "arXiv:1509.00519", table: table 1}
reading: {verified: true, how: read in a reproduction that quotes it}
protocol: {dataset: MNIST, split: test, runs: 1}
spread: {kind: none stated}
counterparts:
  - suite: likelihood
    differs: [400 hidden units and 40 codes where the paper has 200 and 50]
columns:
  - {name: NLL, metric: importance_bound_5000, dataset: "mnist[binarized=static]", factor: -1}
rows:
  - {name: VAE, models: {likelihood: vae/mlp-bernoulli}, values: [86.76]}
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from harness.config.claim_files import shipped_claim_files
from harness.config.published_types import Counterpart, PublishedRow, PublishedTable
from harness.config.reference import parse_reference
from harness.config.repeats import repeated
from harness.config.shipped import shipped_files
from harness.config.suite import list_suites, load_suite
from harness.config.suite_types import Suite
from harness.config.validate import validate_document
from harness.config.yaml_files import Document, Keys, load_yaml
from harness.core.errors import suggest

CLASS_OPTIONS = ("normal", "unseen")
"""The options that name a class; a suite may have `each` as their value."""


@dataclass(frozen=True)
class PublishedFile:
    """A file of the registry."""

    name: str
    path: Path
    table: PublishedTable


def load_published(path: Path, claims: Collection[str]) -> PublishedTable:
    """The table of a file. Raises SpecError with file and line for what is wrong in it, for a claim
    that is not among `claims`, and for suites, models, metrics and datasets that there are not.
    """
    document = load_yaml(path)
    table = validate_document(PublishedTable, document)
    for message, keys in _mistakes(table):
        raise document.error(message, keys)
    for index, name in enumerate(table.claims):
        if name not in claims:
            near = suggest(name, list(claims))
            raise document.error(f"no claim {name!r}{near}", ("claims", index))
    for index, counterpart in enumerate(table.counterparts):
        _check_counterpart(table, counterpart, ("counterparts", index), document)
    return table


def shipped_published_files() -> list[PublishedFile]:
    """The files of `suites/published/`, by name. Raises as `load_published`."""
    claims = [claim.id for shelf in shipped_claim_files() for claim in shelf.claims]
    files = shipped_files("suites/published").items()
    return [PublishedFile(name, path, load_published(path, claims)) for name, path in files]


def _mistakes(table: PublishedTable) -> Iterator[tuple[str, Keys]]:
    """What does not fit together within a file, each with its place."""
    suites = [each.suite for each in table.counterparts]
    for index, suite in enumerate(suites):
        if suite not in list_suites():
            near = suggest(suite, list_suites())
            yield f"no suite {suite!r}{near}", ("counterparts", index, "suite")
    if (twice := repeated((each.suite, each.dataset) for each in table.counterparts)) is not None:
        yield f"counterpart {twice[0]!r} is there twice", ("counterparts",)
    if (name := repeated(row.name for row in table.rows)) is not None:
        yield f"row {name!r} is there twice", ("rows",)
    for index, row in enumerate(table.rows):
        yield from ((text, ("rows", index, *keys)) for text, keys in _row_mistakes(row, table))
        for suite in row.models:
            if suite not in suites:
                near = suggest(suite, suites)
                yield f"{suite!r} is not among 'counterparts'{near}", ("rows", index, "models")


def _row_mistakes(row: PublishedRow, table: PublishedTable) -> Iterator[tuple[str, Keys]]:
    if len(row.values) != len(table.columns):
        yield f"{len(row.values)} values for {len(table.columns)} columns", ("values",)
    verified = table.reading_of(row).verified
    if verified and None in row.values:
        yield "a value is missing; say in 'reading' that it was not looked up", ("values",)
    if not verified and any(value is not None for value in row.values):
        yield "values that were not looked up should be left empty (null)", ("values",)
    if table.spread.kind == "none stated" and any(value and value.spread for value in row.values):
        yield "a spread, where 'spread' says that none is stated", ("values",)


def _check_counterpart(
    table: PublishedTable, counterpart: Counterpart, keys: Keys, document: Document
) -> None:
    """Raise SpecError where a suite does not measure what the table says."""
    suite = load_suite(counterpart.suite).suite
    for index, column in enumerate(table.columns):
        at = (*keys, "dataset") if counterpart.dataset else ("columns", index, "dataset")
        names = [entry.name for entry in suite.datasets]
        dataset = counterpart.dataset or column.dataset
        _check_member(names, dataset if dataset in names else _of_each_class(dataset), at, document)
        at = ("columns", index, "metric")
        _check_member(_members(suite, "metrics"), column.metric, at, document)
    for index, row in enumerate(table.rows):
        if model := row.models.get(counterpart.suite):
            at = ("rows", index, "models", counterpart.suite)
            _check_member(_members(suite, "models"), model, at, document)


def _check_member(names: Collection[str], name: str, keys: Keys, document: Document) -> None:
    if name not in names:
        raise document.error(f"the suite has no {name!r}{suggest(name, list(names))}", keys)


def _of_each_class(dataset: str) -> str:
    """The name in a suite of a dataset of one class: `mnist[normal=each]` of `mnist[normal=3]`."""
    reference = parse_reference(dataset)
    each = {name: "each" for name in CLASS_OPTIONS if name in reference.options}
    return str(replace(reference, options={**reference.options, **each}))


def _members(suite: Suite, section: Literal["models", "metrics"]) -> list[str]:
    """The models or metrics of a suite, with those of single datasets."""
    entries: list[Any] = [suite, *suite.datasets]
    return [str(name) for entry in entries for name in getattr(entry, section) or ()]
