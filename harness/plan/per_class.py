"""Datasets that stand for one dataset a class: `digits[unseen=each]`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from harness.config.suite import LoadedSuite
from harness.core.errors import BadInput
from harness.data import each_class


def expand(
    loaded: LoadedSuite, root: Path | None
) -> tuple[LoadedSuite, Mapping[str, tuple[str, ...]]]:
    """The suite with each such dataset replaced by those it stands for, in claims too; and these
    by its name. Raises BadInput where a dataset would then be there twice, or has external samples.
    """
    suite = loaded.suite
    meant = {
        entry.name: tuple(loaded.at(("datasets", entry.name), each_class, entry.name, root))
        for entry in suite.datasets
    }
    every = {name: parts for name, parts in meant.items() if parts != (name,)}
    if not every:
        return loaded, {}
    names = Counter(name for parts in meant.values() for name in parts)
    if twice := [name for name, count in names.items() if count > 1]:
        raise BadInput(f"dataset {twice[0]!r} is in the suite twice: by itself and as one of each")
    for outside in suite.external:
        if outside.dataset in every:
            raise BadInput(
                f"external {outside.name!r}: {outside.dataset} stands for several datasets; name "
                f"one of them, such as {every[outside.dataset][0]}"
            )
    datasets = tuple(
        entry.model_copy(update={"name": name})
        for entry in suite.datasets
        for name in meant[entry.name]
    )
    claims = tuple(
        claim.model_copy(
            update={"datasets": tuple(part for name in claim.datasets for part in meant[name])}
        )
        if claim.datasets
        else claim
        for claim in suite.claims
    )
    changed = suite.model_copy(update={"datasets": datasets, "claims": claims})
    return replace(loaded, suite=changed), every
