"""Where a dataset comes from: what a data module, or another package, registers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.core.registry import article
from harness.data.base import DatasetCard, Split
from harness.data.gaussian_mixture import GaussianMixture


def _no_files(_root: Path) -> dict[Path, str]:
    return {}


@dataclass(frozen=True)
class Source:
    """A dataset that can be loaded.

    `load` takes the folder that holds all datasets and returns the train and the test split. Its
    `card` is there without reading any data, so that a suite is checked before anything is loaded;
    where the data themselves say what their classes are, `classes` finds them in that folder.
    `density` is the one that the data are drawn from, where it is known: a mode a class.

    What can be said of it before it is loaded: `files` gives the files (or folders) in that folder
    that it is made from, each with its published SHA-256 or MD5 ("" where there is none);
    `stored` is the name that it is prepared under in the store, if it is; `shapes` are those of
    the images of its splits, N×C×S×S, where they are known.
    """

    card: DatasetCard
    load: Callable[[Path], tuple[Split, Split]]
    classes: Callable[[Path], tuple[str, ...]] | None = None
    density: GaussianMixture | None = None
    files: Callable[[Path], Mapping[Path, str]] = _no_files
    stored: str = ""
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class DatasetFactory:
    """Datasets that are made to measure: `folder:PATH[size=32]`, `stacked:mnist`, `shapes`.

    `make` takes the text after the colon and the options among `options` that are given, checks
    both (BadInput) without reading any data, and returns the source. `argument` says what stands
    after the colon ("PATH"); where nothing does it is empty. Where something does, `title` says
    what such datasets are. One that `passes_on` options is made from another dataset: it is also
    given those that are neither its own nor of tasks, which are that dataset's.
    """

    make: Callable[[str, Mapping[str, str]], Source]
    options: tuple[str, ...] = ()
    argument: str = ""
    title: str = ""
    passes_on: bool = False


def source_fault(found: object) -> str:
    """Why what another package or a suite's code gives is no dataset; nothing where it is one."""
    if isinstance(found, DatasetFactory):
        return "" if callable(found.make) else f"has {article(found.make)} as its make"
    if not isinstance(found, Source):
        return f"is {article(found)}, not a Source of harness.data"
    given: Any = found  # whose fields may be anything: dataclasses do not look
    if not isinstance(given.card, DatasetCard):
        return f"has {article(given.card)} as its card, not a DatasetCard of harness.data"
    if not callable(given.load):
        return f"has {article(given.load)} as its load, not a function of the folder of datasets"
    classes: Any = given.card.classes
    if isinstance(classes, str) or not all(isinstance(name, str) for name in classes):
        return f"has card.classes {classes!r}, not a tuple of names"
    return ""
