"""The source of a dataset: what a data module, or another package, registers."""

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

    `load` takes the folder of all datasets and returns the train and the test split. `card` is
    known before any data are read, so that a suite is checked before anything is loaded. Where only
    the data say what their classes are, `classes` reads them in that folder. `density` is the
    density that the data are drawn from, where it is known, with one mode for each class.

    What is known before loading: `files` maps that folder to the files, or folders, that the
    dataset is made from, each with its published SHA-256 or MD5 ("" where there is none). `stored`
    is the name of its prepared arrays in the store, if it has any. `shapes` are the shapes of the
    images of its splits, N×C×S×S, where they are known.
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
    """Makes datasets from an argument and options: `folder:PATH[size=32]`, `stacked:mnist`,
    `shapes`.

    `make` takes the text after the colon and the given options among `options`, checks both (raises
    BadInput) without reading any data, and returns the source. `argument` names what is after the
    colon ("PATH"); it is empty where there is none. With an argument, `title` says what such
    datasets are. A factory that `passes_on` options makes a dataset from another one: it also gets
    the options that are neither its own nor of tasks, for that dataset.
    """

    make: Callable[[str, Mapping[str, str]], Source]
    options: tuple[str, ...] = ()
    argument: str = ""
    title: str = ""
    passes_on: bool = False


def source_fault(value: object) -> str:
    """Return why an object of another package, or of a suite's code, is no dataset; "" where it is
    one.
    """
    if isinstance(value, DatasetFactory):
        return "" if callable(value.make) else f"has {article(value.make)} as its make"
    if not isinstance(value, Source):
        return f"is {article(value)}, not a Source of harness.data"
    source: Any = value  # whose fields may be anything: dataclasses do not look
    if not isinstance(source.card, DatasetCard):
        return f"has {article(source.card)} as its card, not a DatasetCard of harness.data"
    if not callable(source.load):
        return f"has {article(source.load)} as its load, not a function of the folder of datasets"
    classes: Any = source.card.classes
    if isinstance(classes, str) or not all(isinstance(name, str) for name in classes):
        return f"has card.classes {classes!r}, not a tuple of names"
    return ""
