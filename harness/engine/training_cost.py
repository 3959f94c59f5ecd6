"""What a cell's training takes on this machine, from a few steps of it."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from harness.cell import build
from harness.data.base import Dataset
from harness.data.loader import Batches
from harness.plan import Cell
from harness.training.checkpoint import Checkpoints, save_weights
from harness.training.loop import train

FEW, MORE, MOST = 2, 6, 2000
"""Training steps of two runs whose difference gives the time of a step without its start-up. Quick
steps are measured again, up to `MOST` of them."""

ENOUGH = 0.5
"""Seconds after which no more steps are needed."""


@dataclass(frozen=True)
class TrainingCost:
    """Seconds of the whole, and the bytes of a checkpoint and of the weights."""

    seconds: float
    checkpoint: int
    weights: int


def time_training(cell: Cell, dataset: Dataset) -> TrainingCost:
    """A few steps, timed."""
    with tempfile.TemporaryDirectory() as scratch:
        few, more = (_train(cell, dataset, steps, Path(scratch)) for steps in (FEW, MORE))
        if (steps := _steps_in(ENOUGH, few, more)) > MORE:
            more = _train(cell, dataset, min(steps, MOST), Path(scratch))
    seconds = max(more.seconds - few.seconds, 0.0) / (more.images - few.images) * cell.images
    return TrainingCost(seconds, more.checkpoint, more.weights)


@dataclass(frozen=True)
class _Trained:
    seconds: float
    images: int
    steps: int
    checkpoint: int
    weights: int


def _steps_in(seconds: float, few: _Trained, more: _Trained) -> int:
    """How many steps take so long."""
    step = (more.seconds - few.seconds) / (more.steps - few.steps)
    return int(seconds / step) if step > 0 else MORE


def _train(cell: Cell, dataset: Dataset, steps: int, scratch: Path) -> _Trained:
    device = torch.device(cell.numerics.device)
    family = build(cell, dataset)
    settings = family.settings
    batches = Batches(dataset.train, settings.batch_size, cell.seed, device, flip=settings.flip)
    images = steps * settings.batch_size
    folder, weights = scratch / str(steps), scratch / "weights"
    checkpoints = Checkpoints(folder, every_seconds=math.inf)
    result = train(
        family, batches, images, cell.seed, device=device, accelerate=cell.numerics.accelerate,
        checkpoints=checkpoints,
    )  # fmt: skip
    save_weights(family, weights)
    sizes = [file.stat().st_size for file in (*folder.iterdir(), weights)]
    return _Trained(result.seconds, result.images, result.steps, *sizes)
