"""Cells of images that no model of the suite made: nothing is trained, the rest is the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.config.suite import LoadedSuite
from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.core.keys import digest
from harness.core.measurement import EXTERNAL, HELD_OUT, SOURCE_IMAGES, TRAINING_IMAGES
from harness.core.seeding import generator
from harness.data.base import Dataset, image_digest
from harness.data.imageset import ImageSet, load_images, size_text
from harness.evaluation.protocols import EvalConfig
from harness.evaluation.requirements import Need
from harness.evaluation.specs import metric_needs
from harness.evaluation.subject import Subject, samples_subject, sources_subject
from harness.metrics.base import Metric
from harness.plan.cells import Cell, request_metrics
from harness.training.numerics import Numerics

REAL: Mapping[str, tuple[Need, Need]] = {
    TRAINING_IMAGES: ("train", "reference"),
    HELD_OUT: ("reference", "train"),
}
"""Rows of real images in place of samples: of which set they are, and with which they compare."""


def sample_cells(
    loaded: LoadedSuite,
    dataset: Dataset,
    setup: EvalConfig,
    metrics: Sequence[Metric],
    numerics: Numerics,
) -> list[Cell]:
    """The cells of a dataset's external entrants, numbered as training seeds are; and of what needs
    no model: training images, wherever samples are compared with test images, test images, wherever
    samples are compared with training images alone, and damaged images, wherever they are to be
    repaired. What a file holds is one draw.
    """

    def cell(
        name: str, seed: int, settings: Mapping[str, str], subject: Subject, *draws: str
    ) -> Cell:
        key = samples_key(*draws)
        how = setup if name in REAL else replace(setup, draws=len(draws))
        measurements = tuple(
            request.of(key) for request in request_metrics(metrics, subject, how, {})
        )
        return Cell(
            dataset=dataset.name,
            model=name,
            seed=seed,
            family=EXTERNAL,
            settings=dict(settings),
            images=0,
            numerics=numerics,
            setup=how,
            planned_measurements=measurements,
            training_key=key,
            is_trained=False,
            draws=draws,
        )

    cells = []
    for outside in loaded.suite.external:
        where = ("external", outside.name)
        for seed, names in enumerate(outside.draws() if outside.dataset == dataset.name else ()):
            paths = [loaded.at(where, _inside, loaded.folder, name) for name in names]
            drawn = loaded.at(where, _read_draws, paths, dataset)
            subject = samples_subject(outside.name, dataset, len(drawn[0]))
            settings = {_draw(number): str(path) for number, path in enumerate(paths)}
            digests = [images.digest for images in drawn]
            cells.append(cell(outside.name, seed, settings, subject, *digests))
    first = loaded.suite.seeds[0]
    for name, (part, compared) in REAL.items():
        if any(
            {"samples", compared} <= metric_needs(m) and part not in metric_needs(m)
            for m in metrics
        ):
            images = _real_images(name, dataset, setup.samples)
            subject = _not_with_themselves(samples_subject(name, dataset, len(images)), name, part)
            cells.append(cell(name, first, {}, subject, image_digest(images)))
    sources = _undone(dataset)
    if sources and any(sources.keys() & metric_needs(metric) for metric in metrics):
        key = image_digest(torch.cat(list(sources.values())))
        cells.append(cell(SOURCE_IMAGES, first, {}, sources_subject(dataset), key))
    return cells


def _not_with_themselves(subject: Subject, name: str, part: Need) -> Subject:
    """Real images are no samples to compare with the set that they are taken from."""
    why = f"{name} are not compared with the set that they are taken from"
    return replace(subject, obstacles={**subject.obstacles, part: why})


def _undone(dataset: Dataset) -> dict[str, Tensor]:
    """Test images as they are, as the evidence on a model that does nothing to them: damaged ones,
    or those of another domain.
    """
    images = {}
    sources = dataset.normal_test.sources
    if sources is not None and sources.shape[1] == dataset.channels:
        images["reconstructions"] = sources
    if dataset.unpaired:
        images["translations"] = dataset.normal_test.images
    return images


def samples_key(images: str, *further: str) -> str:
    """What stands for a training key where nothing was trained: the images themselves, by their
    digests, of all draws.
    """
    return digest({"samples": images} | ({"further": list(further)} if further else {}))


def evidence_of(cell: Cell, dataset: Dataset, draw: int = 0) -> dict[str, Any]:
    """The images of such a cell, N×C×S×S, as the evidence that they stand for, those of files with
    their formats; BadInput where they changed since the plan.
    """
    if cell.model == SOURCE_IMAGES:
        return dict(_undone(dataset))
    if cell.model in REAL:
        return {"samples": _real_images(cell.model, dataset, cell.setup.samples, draw)}
    samples = _samples_of(cell, dataset, draw)
    return {"samples": samples.images, "sample_formats": samples.formats}


def _samples_of(cell: Cell, dataset: Dataset, draw: int) -> ImageSet:
    path = Path(cell.settings[_draw(draw)])
    images = _read(path, dataset)
    if images.digest != cell.draws[draw]:
        raise BadInput(f"{path} was changed while the suite ran; run again")
    return images


def _draw(number: int) -> str:
    """The setting that says where a draw of external samples is."""
    return f"samples {number + 1}" if number else "samples"


def _read_draws(paths: Sequence[Path], dataset: Dataset) -> list[ImageSet]:
    """The images of several draws, as many of each, and no draw twice."""
    drawn = [_read(path, dataset) for path in paths]
    check_draws([(str(path), images) for path, images in zip(paths, drawn, strict=True)])
    return drawn


def check_sizes(draws: Sequence[tuple[str, ImageSet]]) -> None:
    """Raise BadInput where draws, each with its name in messages, differ in size."""
    first, images = draws[0]
    for name, other in draws:
        if len(other) != len(images):
            raise BadInput(
                f"draws differ in size: {first} has {counted(len(images), 'image')}, {name} "
                f"{len(other):,}; give as many of each"
            )


def check_draws(draws: Sequence[tuple[str, ImageSet]]) -> None:
    """Raise BadInput where draws, each with its name in messages, differ in size or have the same
    images.
    """
    check_sizes(draws)
    seen: dict[str, str] = {}
    for name, other in draws:
        if same := seen.get(other.digest):
            raise BadInput(f"{same} and {name} have the same images; a draw must count once")
        seen[other.digest] = name


def _real_images(name: str, dataset: Dataset, count: int, draw: int = 0) -> Tensor:
    """Up to `count` training or test images: the samples of a perfect model, which makes no
    outliers. Draws are of other images as long as there are any.
    """
    images = dataset.normal_test.images
    if name == TRAINING_IMAGES:
        outliers = dataset.train.outliers
        images = dataset.train_images if outliers is None else dataset.train_images[~outliers]
    order = torch.randperm(len(images), generator=generator(0, name))
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


def _read(path: Path, dataset: Dataset) -> ImageSet:
    """The images there, which must resemble the dataset's."""
    if not dataset.has_pixels:
        raise BadInput(f"{path}: files have 8-bit pixels, but {dataset.name} has real numbers")
    read = load_images(str(path))
    size, right = size_text(read.images), size_text(dataset.train.images)
    if size != right:
        raise BadInput(f"{path}: images are {size}, {dataset.name}'s {right} (C×H×W)")
    return read
