"""A cell's model: trained, from its last checkpoint where there is one, or read from the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from harness.cell.following import TrainingFollower
from harness.cell.run_page import WEIGHTS, logged_model_of
from harness.cell.work import CellWork
from harness.core.cuda_graphs import Accelerate
from harness.core.files import file_sha256
from harness.core.scratch import scratch
from harness.core.seeding import generator
from harness.data import load_dataset
from harness.data.base import Dataset
from harness.data.loader import Batches
from harness.families.base import Family
from harness.families.capabilities import ChoosesImages
from harness.plan import Cell
from harness.plan.building import build_model
from harness.training import data_parallel, memory, stopping
from harness.training.checkpoint import Checkpoints, load_weights, save_weights
from harness.training.held_out import HeldOutLoss, held_out_split
from harness.training.loop import Progress, TrainingResult, train
from harness.training.losses import Diverged
from harness.training.numerics import Numerics
from harness.training.process_group import ReadOnly, gang

FOLLOWED = "samples of the same codes"
"""What MLflow's page of a run calls the images of moments in training."""
WARM_UP = 3
"""Batches that are trained on before memory is measured."""


@lru_cache(maxsize=2)
def cached_dataset(name: str, root: Path | None, code: Path | None = None) -> Dataset:
    """The dataset of this name, kept for the worker's next cell, which is mostly on the same data.
    Two suites may have datasets of one name, each in its own `code`.
    """
    return load_dataset(name, root)


def build(cell: Cell, dataset: Dataset) -> Family:
    """Build the cell's model before training; its weights depend on the seed alone."""
    family = build_model(cell.family, cell.settings, dataset, cell.seed)
    family.accelerate = cell.numerics.accelerate
    return family


def train_model(work: CellWork, dataset: Dataset) -> Family:
    """Train, from the last checkpoint where there is one; record weights, curves and costs."""
    cell, store, run_id = work.cell, work.store, work.run_id
    device = torch.device(cell.numerics.device)
    family = build(cell, dataset)
    splits = {"training": dataset.train, "evaluation": dataset.test}
    digests = [(use, cell.dataset, split.digest()) for use, split in splits.items()]
    store.log_datasets(run_id, digests)
    # What libraries allocate once a process, or once for each shape of an operation, is then there,
    # and is not taken for the cell's own memory.
    with suppress(Diverged):  # which training itself will report
        train_steps(cell, dataset, WARM_UP)
    in_use = memory.start(device)
    follower = TrainingFollower(family, dataset, cell.seed, work.site.work(cell))
    result = _train_together(work, dataset, family, follower)
    losses = [(p.images, f"train/{name}", v) for p in result.curve for name, v in p.losses.items()]
    work.log_curves(losses + follower.points)
    work.keep_strip(follower.strip)
    for images, png in follower.images:
        store.log_image(run_id, FOLLOWED, images, png)
    with _weights_file(work) as file:
        weights_sha256 = save_weights(family, file)
        store.put_file(run_id, file, "weights")
    store.log_model(run_id, logged_model_of(cell, weights_sha256))
    work.set_trained(
        seconds=result.seconds,
        images=result.images,
        steps=result.steps,
        peak_memory_bytes=memory.peak(device) - in_use,
        parameters=sum(p.numel() for p in family.networks.parameters()),
        weights_sha256=weights_sha256,
    )
    return family


def restore_model(work: CellWork, dataset: Dataset) -> Family:
    """Build the trained model from the weights in the store. Raises FileNotFoundError where they
    are gone, ValueError where they are not those that training recorded.
    """
    content = work.store.get(work.run_id, WEIGHTS)
    if content is None:
        raise FileNotFoundError(
            f"run {work.run_id} has lost {WEIGHTS}: {work.store.artifacts_of(work.run_id)} "
            "has none; if that folder was moved, put it back there, or else delete the run to "
            "train again"
        )
    family = build(work.cell, dataset)
    with _weights_file(work) as file:
        file.write_bytes(content)
        _check_weights(work, file)
        load_weights(family, file)
    family.to(work.cell.numerics.device)
    return family


@contextmanager
def _weights_file(work: CellWork) -> Iterator[Path]:
    with scratch(work.site.folder) as folder:
        yield folder / "model.safetensors"


def _check_weights(work: CellWork, file: Path) -> None:
    recorded, actual = work.record.facts.get("weights_sha256"), file_sha256(file)
    if recorded and actual != recorded:
        raise ValueError(
            f"{WEIGHTS} of run {work.run_id} is not what training recorded: SHA-256 "
            f"{actual[:16]}… in place of {recorded[:16]}…; put the recorded file back, or "
            "delete the run to train again"
        )


def train_steps(
    cell: Cell,
    dataset: Dataset,
    steps: int,
    accelerate: Accelerate = "off",
    *,
    begins: bool = True,
) -> TrainingResult:
    """Train a copy of the model for some steps, and throw it away; `begins` as `train` takes it."""
    copy = build(cell, dataset)
    device, images = torch.device(cell.numerics.device), steps * copy.settings.batch_size
    batches = _batches(cell, dataset, copy)
    return train(
        copy, batches, images, cell.seed, device=device, accelerate=accelerate, begins=begins
    )


def _train_together(
    work: CellWork, dataset: Dataset, family: Family, follower: TrainingFollower
) -> TrainingResult:
    """Train the cell's model, in as many processes as its numerics say."""
    cell, folder = work.cell, work.site.work(work.cell)
    checkpoints = Checkpoints(folder, work.site.checkpoint_seconds)
    several = cell.numerics.processes > 1

    def report(progress: Progress) -> None:
        work.tell("training", progress.images, cell.images)
        if not several:  # all processes would have to take part
            follower(progress)

    with gang(cell.numerics, _assist, cell, folder) if several else nullcontext():
        return _train(cell, dataset, family, checkpoints, report=report, stop=stopping.requested)


def _assist(numerics: Numerics, cell: Cell, folder: Path) -> None:
    """Train in a further process of the cell: the same steps, on its share of each batch."""
    cell = replace(cell, numerics=numerics)
    dataset = cached_dataset(cell.dataset, cell.data_root)
    _train(cell, dataset, build(cell, dataset), ReadOnly(folder))


def _train(
    cell: Cell, dataset: Dataset, family: Family, checkpoints: Checkpoints, **options: Any
) -> TrainingResult:
    """Train the cell's model, alone or as one of the processes that do it together."""
    device = torch.device(cell.numerics.device)
    batches = _batches(cell, dataset, family)
    if data_parallel.is_spread():
        trial = generator(cell.seed, "spread", device=device)
        data_parallel.prepare_family(family, batches.batch(0), trial)
    options |= {
        "accelerate": cell.numerics.accelerate,
        "checkpoints": checkpoints,
        "horizon_images": cell.horizon,
        "held_out": _held_out(cell, dataset, family),
    }
    return train(family, batches, cell.images, cell.seed, device=device, **options)


def _held_out(cell: Cell, dataset: Dataset, family: Family) -> HeldOutLoss:
    settings, device = family.settings, torch.device(cell.numerics.device)
    batches = Batches(held_out_split(dataset), settings.batch_size, cell.seed, device)
    return HeldOutLoss(batches, settings)


def _batches(cell: Cell, dataset: Dataset, family: Family) -> Batches:
    device, settings = torch.device(cell.numerics.device), family.settings
    train = dataset.train
    if isinstance(family, ChoosesImages):
        train = family.choose_images(train)
    return Batches(train, settings.batch_size, cell.seed, device, flip=settings.flip)
