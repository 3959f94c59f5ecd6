"""How long a suite will take on this machine, from a few steps of each distinct cell."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from harness.cell import build
from harness.data.base import Dataset
from harness.data.loader import Batches
from harness.families.base import Samples
from harness.plan import Cell
from harness.seeding import generator
from harness.tracking import Record
from harness.training.loop import train

FEW, MORE = 2, 6
"""Training steps of the two runs whose difference gives the time of a step without its start-up."""

PROBE = 16
"""Images sampled to time sampling."""


@dataclass(frozen=True)
class Forecast:
    """Seconds that one cell needs, and whether they were `measured` here or are those of a finished
    cell of the same model.
    """

    training: float
    sampling: float
    measured: bool

    @property
    def total(self) -> float:
        """Seconds for the cell, apart from its passes through feature networks."""
        return self.training + self.sampling


def forecast(
    cells: Sequence[Cell], datasets: Mapping[str, Dataset], records: Mapping[str, Record]
) -> dict[tuple[str, str], Forecast]:
    """What a cell of each (dataset, model) that is trained will take."""
    distinct: dict[tuple[str, str], Cell] = {}
    for cell in (cell for cell in cells if cell.is_trained):
        distinct.setdefault((cell.dataset, cell.model), cell)
    found = {}
    for pair, cell in distinct.items():
        cell.numerics.apply()
        known = _known(pair, cells, records)
        sampling = _sampling_seconds(cell, datasets[cell.dataset])
        training = known or _training_seconds(cell, datasets[cell.dataset])
        found[pair] = Forecast(training, sampling, known is None)
    return found


def _known(
    pair: tuple[str, str], cells: Sequence[Cell], records: Mapping[str, Record]
) -> float | None:
    """The mean training time of finished cells of this model on this dataset."""
    facts = [
        records[cell.training_key].facts
        for cell in cells
        if (cell.dataset, cell.model) == pair and cell.training_key in records
    ]
    seconds = [float(fact["seconds"]) for fact in facts if "seconds" in fact]
    return sum(seconds) / len(seconds) if seconds else None


def _training_seconds(cell: Cell, dataset: Dataset) -> float:
    few, shown_few = _timed(cell, dataset, FEW)
    more, shown_more = _timed(cell, dataset, MORE)
    return max(more - few, 0.0) / (shown_more - shown_few) * cell.images


def _timed(cell: Cell, dataset: Dataset, steps: int) -> tuple[float, int]:
    device = torch.device(cell.numerics.device)
    family = build(cell, dataset)
    settings = family.settings
    batches = Batches(dataset.train, settings.batch_size, cell.seed, device, flip=settings.flip)
    images = steps * settings.batch_size
    result = train(family, batches, images, cell.seed, device=device)
    return result.seconds, result.images


def _sampling_seconds(cell: Cell, dataset: Dataset) -> float:
    """Time to draw the samples that the cell's metrics ask for; 0 where none does."""
    device = torch.device(cell.numerics.device)
    family = build(cell, dataset)
    wanted = any(w.protocol.extractor and not w.obstacle for w in cell.wanted)
    if not (wanted and isinstance(family, Samples)):
        return 0.0
    family.networks.to(device).eval()
    draws = generator(cell.seed, "probe", device=device)
    with torch.inference_mode():
        family.sample(1, draws).cpu()
        started = time.perf_counter()
        family.sample(PROBE, draws).cpu()
    return (time.perf_counter() - started) / PROBE * cell.setup.samples * cell.setup.draws
