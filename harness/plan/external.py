"""Samples that another program made, as cells: nothing is trained, the rest is the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.data.base import Dataset
from harness.data.imageset import ImageSet, load_images
from harness.evaluation.protocols import Setup
from harness.evaluation.subject import samples_subject
from harness.keys import digest
from harness.metrics.base import Metric
from harness.plan.cells import Cell, want
from harness.spec.errors import BadInput
from harness.spec.suite import LoadedSuite
from harness.training.numerics import Numerics


def external_cells(
    loaded: LoadedSuite,
    dataset: Dataset,
    setup: Setup,
    metrics: Mapping[str, Metric],
    numerics: Numerics,
) -> list[Cell]:
    """The cells of a dataset's external entrants: one a file, numbered as training seeds are."""
    suite = loaded.suite
    (entry,) = (entry for entry in suite.datasets if entry.name == dataset.name)
    wanted = [metrics[name] for name in suite.metrics_on(entry)]
    cells = []
    for outside in suite.external:
        for seed, name in enumerate(outside.samples if outside.dataset == dataset.name else ()):
            path, images = loaded.at(
                ("external", outside.name), _read, loaded.folder, name, dataset
            )
            key = external_key(images)
            subject = samples_subject(outside.name, dataset, len(images))
            cells.append(
                Cell(
                    dataset=dataset.name, model=outside.name, seed=seed, family="external",
                    settings={"samples": name}, images=0, numerics=numerics, setup=setup,
                    wanted=want(wanted, subject, setup, key, {}), training_key=key, samples=path,
                )
            )  # fmt: skip
    return cells


def external_key(images: ImageSet) -> str:
    """What stands for a training key: the images themselves."""
    return digest({"external": images.digest})


def _read(folder: Path, name: str, dataset: Dataset) -> tuple[Path, ImageSet]:
    """The samples called `name`, which lie below the suite's folder and resemble the dataset."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise BadInput(f"{name}: samples must lie below the suite's folder, {folder}")
    if not path.exists():  # or else a name such as digits:test would be read as a dataset's split
        raise BadInput(f"{path}: no such file or folder")
    images = load_images(str(path))
    found, right = images.images.shape[1:], dataset.train.images.shape[1:]
    if found != right:
        raise BadInput(
            f"{name}: images are {_size(found)}, {dataset.name}'s {_size(right)} (C×H×W)"
        )
    return path, images


def _size(shape: Sequence[int]) -> str:
    return "×".join(str(length) for length in shape)
