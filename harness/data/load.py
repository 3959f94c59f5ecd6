"""Datasets by name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from harness.config.reference import Reference, parse_reference
from harness.core import seeding
from harness.core.error_location import defined, is_users, location
from harness.core.errors import FAILURES, BadInput, suggest
from harness.core.registry import Registry
from harness.data import split_checks, tasks
from harness.data.base import Dataset, DatasetCard, Split
from harness.data.domains import about_domains, domains, split_in_two
from harness.data.source import DatasetFactory, Source, source_fault
from harness.data.training_set import FEWEST_TRAINING, SUBSET, training_set

DATASETS = Registry(
    "dataset",
    "harness.datasets",
    {
        "digits": "harness.data.embedded.digits:DIGITS",
        "textures": "harness.data.embedded.textures:TEXTURES",
        "faces": "harness.data.embedded.faces:SOURCE",
        "mnist": "harness.data.standard.mnist:MNIST",
        "fashion-mnist": "harness.data.standard.mnist:FASHION_MNIST",
        "kmnist": "harness.data.standard.mnist_relatives:KMNIST",
        "qmnist": "harness.data.standard.mnist_relatives:QMNIST",
        "emnist": "harness.data.standard.mnist_relatives:EMNIST",
        "cifar10": "harness.data.standard.cifar:CIFAR10",
        "cifar100": "harness.data.standard.cifar:CIFAR100",
        "svhn": "harness.data.standard.svhn:SVHN",
        "stl10": "harness.data.standard.stl10:STL10",
        "celeba": "harness.data.standard.celeba:CELEBA",
        "lsun": "harness.data.standard.lsun:LSUN",
        "imagenet": "harness.data.standard.imagenet:IMAGENET",
        "dsprites": "harness.data.standard.factor_sets:DSPRITES",
        "shapes3d": "harness.data.standard.factor_sets:SHAPES3D",
        "folder": "harness.data.user.folder:FOLDER",
        "npz": "harness.data.user.arrays:NPZ",
        "mvtec": "harness.data.user.mvtec:MVTEC",
        "mvtec-ad": "harness.data.user.mvtec:MVTEC_AD",
        "paired": "harness.data.user.paired:PAIRED",
        "unpaired": "harness.data.user.unpaired:UNPAIRED",
        "captions": "harness.data.user.captioned:CAPTIONS",
        "shards": "harness.data.user.shards:SHARDS",
        "hf": "harness.data.user.hub:HUB",
        "torchvision": "harness.data.user.torchvision_sets:TORCHVISION",
        "ring": "harness.data.generated.points:RING",
        "grid": "harness.data.generated.points:GRID",
        "gaussian": "harness.data.generated.gaussian:GAUSSIAN",
        "polygons": "harness.data.generated.polygons:POLYGONS",
        "stacked": "harness.data.generated.stacked:STACKED",
        "shapes": "harness.data.generated.shapes:SHAPES",
        "scenes": "harness.data.generated.scenes:SCENES",
        "symmetric": "harness.data.generated.symmetric:SYMMETRIC",
        "moving": "harness.data.generated.moving:MOVING",
    },
    source_fault,
)


NOISE = 16
"""Images that stand in for a dataset's, at least."""


def load_dataset(name: str, root: Path | None = None) -> Dataset:
    """The dataset that `name` writes, such as `mnist`, `folder:cats` or `digits[unseen=8]`.

    `harness.data.tasks` and `harness.data.training_set` have the options of all datasets: with
    `unseen=3+7` the task is one-class anomaly detection, `train` lacks the classes 3 and 7, `test`
    keeps all. `root` is the folder of all datasets; without it HARNESS_DATA names it, or it is a
    folder in the user's cache. Raises BadInput with one line for whatever is wrong.
    """
    reference = parse_reference(name)
    options = _task_options(reference)
    return _made(name, reference, find_source(reference), options, root or default_root())


def stand_in(name: str) -> Dataset | None:
    """A few images of noise of the shape, the classes and the task of a dataset, to try models on
    without its data; None where these are not all known without.
    """
    reference = parse_reference(name)
    source = find_source(reference)
    shapes, card = source.shapes, source.card
    if not {"train", "test"} <= shapes.keys() or source.classes or card.factors or source.density:
        return None
    labels = torch.arange(max(NOISE, 2 * len(card.classes))) % max(1, len(card.classes))
    options = {key: text for key, text in _task_options(reference).items() if key != SUBSET}

    def noise(_: Path) -> tuple[Split, Split]:
        def split(part: Literal["train", "test"]) -> Split:
            shape, draws = (len(labels), *shapes[part][1:]), seeding.generator(0, "noise", part)
            images = torch.randint(64, 256, shape, generator=draws, dtype=torch.uint8)
            return Split(images, labels)

        return split("train"), split("test")

    try:
        return _made(name, reference, replace(source, load=noise), options, default_root())
    except BadInput:  # too little noise for the task
        return None


def _made(
    name: str, reference: Reference, source: Source, options: Mapping[str, str], root: Path
) -> Dataset:
    """The task that the `options` of tasks ask for, of what the source has."""
    card = _with_classes(source, root)
    unseen = tasks.unseen_classes(name, options, card.classes)
    task = tasks.task(name, options)
    images = training_set(name, options)
    two = domains(name, options, card.classes)
    train, test = _loaded(name, source, card, root)
    if unseen and test.masks is not None:
        raise BadInput(f"{name}: its anomalies are defects; no class can be left out")
    if two:
        train, test = split_in_two(name, two, train, test)
        card = about_domains(card, two)
    if unseen or task != tasks.Task():  # which is then what two domains are used for
        train = replace(train, unpaired=False)
    train, validation = images.split(name, tasks.without(train, unseen))
    train = images.apply(name, train)
    if validation is not None:
        _, validation = task.apply(name, train, validation)
    train, test = task.apply(name, train, test)
    if len(train) < FEWEST_TRAINING:
        raise BadInput(
            f"{name}: {len(train)} image to train on; a model needs {FEWEST_TRAINING} at least"
        )
    density = source.density and source.density.without(unseen)
    binary = bool(task.binarized)
    return Dataset(str(reference), train, test, card, unseen, density, binary, validation)


def _loaded(name: str, source: Source, card: DatasetCard, root: Path) -> tuple[Split, Split]:
    """The splits of a source; BadInput in one line where the code of a user fails, or gives what is
    no dataset.
    """
    try:
        splits = source.load(root)
    except BadInput:
        raise
    except FAILURES as error:
        if not is_users(error):
            raise
        message = " ".join(f"{type(error).__name__}: {error}".split())
        raise BadInput(f"{name} cannot be loaded: {message} ({location(error)})") from error
    if wrong := split_checks.splits_fault(splits, card, source.density is not None):
        place = defined(source.load)
        raise BadInput(f"{name}: {wrong}" + (f" ({place})" if place else ""))
    return splits


def load_untasked(name: str, root: Path | None = None) -> Dataset:
    """Load the dataset without the tasks in `name`, once these are known to suit it. Raises
    BadInput as `load_dataset`.
    """
    reference = parse_reference(name)
    of_tasks = _task_options(reference)
    options = {key: value for key, value in reference.options.items() if key not in of_tasks}
    dataset_card(name)
    dataset = load_dataset(str(Reference(reference.name, options)), root)
    training_set(name, of_tasks).check(name, len(dataset.train))
    _check_tasks(name, of_tasks, dataset.card.classes)
    return dataset


def each_class(name: str, root: Path | None = None) -> list[str]:
    """The datasets that `digits[unseen=each]` or `digits[normal=each]` stands for, one for each
    class; `name` alone where it stands for itself. BadInput as `load_dataset`.
    """
    reference = parse_reference(name)
    classes = _with_classes(find_source(reference), root or default_root()).classes
    options = tasks.one_class_options(name, reference.options, classes)
    return [str(Reference(reference.name, changed)) for changed in options]


def dataset_card(name: str) -> DatasetCard:
    """What `name` is, options checked as far as that can be without reading any data."""
    reference = parse_reference(name)
    source, options = find_source(reference), _task_options(reference)
    tasks.task(name, options)
    images = training_set(name, options)
    if "train" in source.shapes:
        images.check(name, source.shapes["train"][0])
    if not source.classes:
        _check_tasks(name, options, source.card.classes)
    return source.card


def _check_tasks(name: str, options: Mapping[str, str], classes: tuple[str, ...]) -> None:
    """BadInput where tasks name other classes than these."""
    domains(name, options, classes)
    for changed in tasks.one_class_options(name, options, classes):
        tasks.unseen_classes(name, changed, classes)


def _with_classes(source: Source, root: Path) -> DatasetCard:
    if not source.classes:
        return source.card
    return replace(source.card, classes=source.classes(root))


def default_root() -> Path:
    """The folder of all datasets: HARNESS_DATA, or `harness/data` in the user's cache folder."""
    if folder := os.environ.get("HARNESS_DATA"):
        return Path(folder)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "harness" / "data"


def inner_source(argument: str, options: Mapping[str, str], outer_options: Sequence[str]) -> Source:
    """Return the source of the dataset that another is made from, such as mnist of
    `stacked:mnist[size=32]`. It gets the options that are not the other's own, `outer_options`.
    """
    passed = {option: value for option, value in options.items() if option not in outer_options}
    return find_source(Reference(argument, passed))


def find_source(reference: Reference) -> Source:
    """Return the source behind a name, made from its argument and options; all of these are known.

    For `folder:cats[size=32,unseen=1]` the factory is `folder`, its argument `cats`, its option
    `size`; `unseen` is for the task.
    """
    registered = _registered(reference)
    name, _, argument = reference.name.partition(":")
    accepted = _own_options(registered, reference.options)
    for option in reference.options:
        if option not in (*accepted, *tasks.OPTIONS):
            hint = suggest(option, (*accepted, *tasks.OPTIONS))
            raise BadInput(f"{reference}: unknown option {option!r}{hint}")
    if isinstance(registered, Source):
        return registered
    if bool(argument) != bool(registered.argument):
        form = f"{name}:{registered.argument}" if registered.argument else name
        raise BadInput(f"{reference}: the form is {form}")
    values = {key: value for key, value in reference.options.items() if key in accepted}
    return registered.make(argument, values)


def _registered(reference: Reference) -> Source | DatasetFactory:
    """Return what is registered under the name: of `folder:cats` the factory `folder`."""
    name = reference.name.partition(":")[0]
    is_made = name in DATASETS and isinstance(DATASETS.load(name), DatasetFactory)
    registered: Source | DatasetFactory = DATASETS.load(name if is_made else reference.name)
    return registered


def _task_options(reference: Reference) -> dict[str, str]:
    """Return the options of tasks: all that are not the dataset's own."""
    accepted = _own_options(_registered(reference), reference.options)
    return {key: value for key, value in reference.options.items() if key not in accepted}


def _own_options(
    registered: Source | DatasetFactory, options: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the options that a dataset takes besides the tasks' options; any, where it passes
    options on.
    """
    if isinstance(registered, Source):
        return ()
    passed = (option for option in options if option not in tasks.OPTIONS)
    return (*registered.options, *passed) if registered.passes_on else registered.options
