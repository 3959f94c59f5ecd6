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
from harness.evaluation.subject import Subject, samples_subject, sources_subject
from harness.keys import digest
from harness.metrics.base import Metric
from harness.plan.cells import Cell, ask
from harness.seeding import generator
from harness.spec.errors import BadInput
from harness.spec.measurement import SOURCE_IMAGES, TRAINING_IMAGES
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
    of what needs no model: training images, wherever samples are compared with test images, and
    damaged images, wherever they are to be repaired. What a file holds is one draw.
    """
    once = replace(setup, draws=1)

    def cell(
        name: str, seed: int, settings: Mapping[str, str], images: Tensor, subject: Subject
    ) -> Cell:
        key, how = samples_key(images), setup if name == TRAINING_IMAGES else once
        wanted = tuple(asked.of(key) for asked in ask(metrics, subject, how, {}))
        return Cell(
            dataset=dataset.name, model=name, seed=seed, family="samples", settings=dict(settings),
            images=0, numerics=numerics, setup=how, wanted=wanted, training_key=key,
            is_trained=False,
        )  # fmt: skip

    cells = []
    for outside in loaded.suite.external:
        for seed, name in enumerate(outside.samples if outside.dataset == dataset.name else ()):
            path = loaded.at(("external", outside.name), _inside, loaded.folder, name)
            images = loaded.at(("external", outside.name), _read, path, dataset)
            subject = samples_subject(outside.name, dataset, len(images))
            cells.append(cell(outside.name, seed, {"samples": str(path)}, images, subject))
    first = loaded.suite.seeds[0]
    if any({"samples", "reference"} <= needs(metric) for metric in metrics):
        images = _training_images(dataset, setup.samples)
        subject = samples_subject(TRAINING_IMAGES, dataset, len(images))
        cells.append(cell(TRAINING_IMAGES, first, {}, images, subject))
    sources = _undone(dataset)
    if sources and any(sources.keys() & needs(metric) for metric in metrics):
        images = torch.cat(list(sources.values()))
        cells.append(cell(SOURCE_IMAGES, first, {}, images, sources_subject(dataset)))
    return cells


def _undone(dataset: Dataset) -> dict[str, Tensor]:
    """Test images as they are, as the evidence on a model that does nothing to them: damaged ones,
    or those of another domain.
    """
    found = {}
    sources = dataset.normal_test.sources
    if sources is not None and sources.shape[1] == dataset.channels:
        found["reconstructions"] = sources
    if dataset.unpaired:
        found["translations"] = dataset.normal_test.images
    return found


def samples_key(images: Tensor) -> str:
    """What stands for a training key where nothing was trained: the images themselves."""
    return digest({"samples": image_digest(images)})


def evidence_of(cell: Cell, dataset: Dataset, draw: int = 0) -> dict[str, Tensor]:
    """The images of such a cell, N×C×S×S, as the evidence that they stand for; BadInput where they
    changed since the plan.
    """
    if cell.model == SOURCE_IMAGES:
        return _undone(dataset)
    return {"samples": _samples_of(cell, dataset, draw)}


def _samples_of(cell: Cell, dataset: Dataset, draw: int) -> Tensor:
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
    images = dataset.train_images
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
