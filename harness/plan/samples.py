"""Cells of images that no model of the suite made: nothing is trained, the rest is the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from harness.data.base import Dataset, image_digest
from harness.data.imageset import load_images, size_text
from harness.evaluation.kinds import needs
from harness.evaluation.protocols import Setup
from harness.evaluation.subject import samples_subject
from harness.keys import digest
from harness.metrics.base import Metric
from harness.plan.cells import Cell, want
from harness.seeding import generator
from harness.spec.errors import BadInput
from harness.spec.measurement import TRAINING_IMAGES
from harness.spec.suite import LoadedSuite
from harness.training.numerics import Numerics


def sample_cells(
    loaded: LoadedSuite,
    dataset: Dataset,
    setup: Setup,
    metrics: Sequence[Metric],
    numerics: Numerics,
) -> list[Cell]:
    """The cells of a dataset's external entrants, one a file, numbered as training seeds are; and
    one of training images, wherever samples are compared with test images. What a file holds is
    one draw.
    """

    def cell(
        name: str, seed: int, settings: Mapping[str, str], images: Tensor, setup: Setup
    ) -> Cell:
        key = samples_key(images)
        subject = samples_subject(name, dataset, len(images))
        return Cell(
            dataset=dataset.name, model=name, seed=seed, family="samples", settings=dict(settings),
            images=0, numerics=numerics, setup=setup, wanted=want(metrics, subject, setup, key, {}),
            training_key=key, is_trained=False,
        )  # fmt: skip

    once = replace(setup, draws=1)
    cells = []
    for outside in loaded.suite.external:
        for seed, name in enumerate(outside.samples if outside.dataset == dataset.name else ()):
            path = loaded.at(("external", outside.name), _inside, loaded.folder, name)
            images = loaded.at(("external", outside.name), _read, path, dataset)
            cells.append(cell(outside.name, seed, {"samples": str(path)}, images, once))
    if any({"samples", "reference"} <= needs(metric) for metric in metrics):
        images = _training_images(dataset, setup.samples)
        cells.append(cell(TRAINING_IMAGES, loaded.suite.seeds[0], {}, images, setup))
    return cells


def samples_key(images: Tensor) -> str:
    """What stands for a training key where nothing was trained: the images themselves."""
    return digest({"samples": image_digest(images)})


def samples_of(cell: Cell, dataset: Dataset, draw: int = 0) -> Tensor:
    """The images of such a cell, N×C×S×S; BadInput where they changed since the plan."""
    if cell.model == TRAINING_IMAGES:
        return _training_images(dataset, cell.setup.samples, draw)
    path = Path(cell.settings["samples"])
    images = _read(path, dataset)
    if samples_key(images) != cell.training_key:
        raise BadInput(f"{path} was changed while the suite ran; run again")
    return images


def _training_images(dataset: Dataset, count: int, draw: int = 0) -> Tensor:
    """So many training images, or all there are: the samples of a perfect model. Draws are of
    other images as long as there are any.
    """
    images = dataset.train.images
    order = torch.randperm(len(images), generator=generator(0, "training images"))
    count = min(count, len(images))
    return images[order[(draw * count + torch.arange(count)) % len(images)]]


def _inside(folder: Path, name: str) -> Path:
    """Where the samples called `name` are, which must lie below the suite's folder."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise BadInput(f"{name}: samples must lie below the suite's folder, {folder}")
    if not path.exists():  # or else a name such as digits:test would be read as a dataset's split
        raise BadInput(f"{path}: no such file or folder")
    return path


def _read(path: Path, dataset: Dataset) -> Tensor:
    """The images there, which must resemble the dataset's."""
    if not dataset.has_pixels:
        raise BadInput(f"{path}: files have 8-bit pixels, but {dataset.name} has real numbers")
    images = load_images(str(path)).images
    found, right = size_text(images), size_text(dataset.train.images)
    if found != right:
        raise BadInput(f"{path}: images are {found}, {dataset.name}'s {right} (C×H×W)")
    return images
