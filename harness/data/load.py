"""Datasets by name, and the tasks made from them."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from harness.data.base import About, Dataset
from harness.data.source import Source
from harness.spec.errors import BadInput, suggest
from harness.spec.reference import Reference, parse_reference
from harness.spec.registry import Registry

DATASETS = Registry(
    "dataset",
    "harness.datasets",
    {
        "digits": "harness.data.digits:SOURCE",
        "mnist": "harness.data.official:MNIST",
        "fashion-mnist": "harness.data.official:FASHION_MNIST",
        "cifar10": "harness.data.official:CIFAR10",
    },
)


def load_dataset(name: str, root: Path | None = None) -> Dataset:
    """The dataset that `name` writes, such as `mnist` or `digits[unseen=8]`, whole in memory.

    With `unseen=3+7` the task is one-class anomaly detection: `train` lacks the classes 3 and 7,
    `test` keeps all. `root` is the folder of all datasets; without it HARNESS_DATA names it, or it
    is a folder in the user's cache. Raises BadInput with one line for whatever is wrong.
    """
    source, reference, unseen = _resolve(name)
    train, test = source.load(root or default_root())
    if unseen:
        train = train.keep(~torch.isin(train.labels, torch.tensor(unseen)))
    return Dataset(str(reference), train, test, source.about, unseen)


def about(name: str) -> About:
    """What `name` is, options checked and all, without reading any data."""
    return _resolve(name)[0].about


def default_root() -> Path:
    """The folder of all datasets: HARNESS_DATA, or `harness/data` in the user's cache folder."""
    if given := os.environ.get("HARNESS_DATA"):
        return Path(given)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "harness" / "data"


def _resolve(name: str) -> tuple[Source, Reference, tuple[int, ...]]:
    given = parse_reference(name)
    source = DATASETS.load(given.name)
    if not isinstance(source, Source):
        raise BadInput(f"dataset {given.name!r} is no harness.data.Source but {source!r}")
    for option in given.options:
        if option != "unseen":
            raise BadInput(f"{name}: unknown option {option!r}{suggest(option, ['unseen'])}")
    if "unseen" not in given.options:
        return source, given, ()
    unseen = _unseen(name, given.options["unseen"], len(source.about.classes))
    return source, given, unseen


def _unseen(name: str, text: str, classes: int) -> tuple[int, ...]:
    known = {str(number): number for number in range(classes)}
    parts = text.split("+")
    if not all(part in known for part in parts):
        raise BadInput(
            f"{name}: unseen={text} names no classes; right are numbers from 0 to {classes - 1} "
            "joined by +, such as unseen=8 or unseen=3+7"
        )
    unseen = tuple(sorted({known[part] for part in parts}))
    if len(unseen) == classes:
        raise BadInput(f"{name}: all {classes} classes are unseen; leave one to train on")
    return unseen
