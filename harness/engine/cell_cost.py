"""What a cell takes on this machine, measured by a few training steps, and metrics of small sets.

A few tenths of a second of each are timed and extrapolated to the whole.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.optimize import nnls

from harness.cell.measuring import COSTS
from harness.cell.training import build
from harness.data.base import Dataset, Split
from harness.data.frames import unfold
from harness.data.loader import Batches
from harness.evaluation import feature_cache, pictures
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.measure import compute_metric
from harness.evaluation.profiles import load_metric_as
from harness.evaluation.protocols import TIMING_BATCH, TIMING_REPEATS, draw_count
from harness.extractors.base import Extracted, Extractor
from harness.families.base import Family
from harness.plan import Cell
from harness.plan.external_samples import evidence_of
from harness.training import memory
from harness.training.clock import clock
from harness.training.loop import train

WARM_UP, MAX_STEPS = 2, 2000
"""Training steps that are not counted, and the most that are."""
ENOUGH = 1.0
"""Seconds of training steps, or of metrics, after which no more are timed."""
PROBE, LEAST = 16, 32
"""Images that time a feature network, and images of the smallest set that metrics are timed on."""
GROWTH = (1, 1, 4, 16, 64, 256, 1024)
"""Sizes of further sets, as multiples of `LEAST`. Start-up is in the first time of the first."""


@dataclass(frozen=True)
class CellCost:
    """What a cell of one model on one dataset takes.

    `training` and `evaluation` are seconds. `once` is what the first cell of a dataset adds to
    that: features of real images, of `once_bytes` on disk. `memory` is the most bytes that the
    process holds, of a GPU where it runs on one. `is_measured`: not taken from finished cells.
    """

    training: float
    evaluation: float
    memory: int = 0
    parameters: int = 0
    once: float = 0.0
    once_bytes: int = 0
    is_measured: bool = True


def measure_cost(cell: Cell, dataset: Dataset) -> CellCost:
    """Time a few steps, samples and images of a cell on this machine."""
    device = cell.numerics.apply()
    memory.start(device)
    training, parameters, model = 0.0, 0, None
    if cell.is_trained:
        training, model = _time_training(cell, dataset), build(cell, dataset)
        model.networks.to(device).eval()
        parameters = sum(p.numel() for p in model.networks.parameters())
    evaluation, trial = _time_evaluation(cell, dataset, model)
    held = memory.held(device)
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return CellCost(training, evaluation, held, parameters, *trial.real_features(dataset))


def _time_training(cell: Cell, dataset: Dataset) -> float:
    """Seconds of the whole training, by the difference of two short ones."""
    few = _train(cell, dataset, WARM_UP)
    step = max(few / WARM_UP, ENOUGH / MAX_STEPS)
    steps = max(2 * WARM_UP, round(ENOUGH / step))
    seconds = max(_train(cell, dataset, WARM_UP + steps) - few, 0.0)
    return seconds / (steps * int(cell.settings["batch_size"])) * cell.images


def _train(cell: Cell, dataset: Dataset, steps: int) -> float:
    device, family = torch.device(cell.numerics.device), build(cell, dataset)
    settings = family.settings
    batches = Batches(dataset.train, settings.batch_size, cell.seed, device, flip=settings.flip)
    images = steps * settings.batch_size
    accelerate = cell.numerics.accelerate
    return train(family, batches, images, cell.seed, device=device, accelerate=accelerate).seconds


class _TrialEvidence(Evidence):
    """Evidence with random features of real images, which are computed once for all cells.

    `passes` has how long a network takes for an image of some name, and how wide its features are.
    """

    passes: dict[str, tuple[Extractor, float, int]]
    uncounted: float

    def real(self, extractor: Extractor, name: str) -> Extracted:
        """Random features, as many and as wide as the network's."""
        images, now = unfold(self[name], self.setup.frames), clock(self.device)
        began = now()
        few = extractor.extract(images[:PROBE])
        took = now() - began
        self.uncounted += took
        widths = [0 if part is None else part.shape[1] for part in (few.pooled, few.logits)]
        self.passes[name] = extractor, took / min(PROBE, len(images)), sum(widths)
        pooled, logits = (torch.randn(len(images), width) for width in widths)
        return Extracted(pooled, None if few.logits is None else logits)

    def real_features(self, dataset: Dataset) -> tuple[float, int]:
        """Seconds and bytes of the features that were asked for and are not on this machine."""
        seconds, size = 0.0, 0
        for name, (extractor, each, width) in self.passes.items():
            images = unfold(dataset_evidence(dataset)[name], self.setup.frames)
            if not feature_cache.holds(extractor, images, self.device):
                seconds, size = seconds + each * len(images), size + 4 * width * len(images)
        return seconds, size


def _time_evaluation(
    cell: Cell, dataset: Dataset, model: Family | None
) -> tuple[float, _TrialEvidence]:
    """Seconds of all metrics and pictures, from those on growing shares of the images; and the
    evidence on the last share.
    """
    points: dict[str, dict[float, float]] = {}
    smallest = min(len(dataset.normal_test), max(cell.setup.samples, LEAST))
    for factor in GROWTH:
        share = min(1.0, factor * LEAST / smallest)
        trial = _trial_evidence(cell, dataset, model, share)
        times = dict(_part_times(cell, trial, model))
        for name, seconds in times.items():
            points.setdefault(name, {})[share] = seconds
        if share == 1.0 or (sum(times.values()) > ENOUGH and factor > 1):
            break
    return sum(map(extrapolate, points.values())), trial


def _trial_evidence(
    cell: Cell, dataset: Dataset, model: Family | None, share: float
) -> _TrialEvidence:
    train, test = _split_part(dataset.train, share), _split_part(dataset.test, share)
    part = replace(dataset, train=train, test=test)
    provided = dataset_evidence(part) | dict.fromkeys(COSTS, 1)
    provided["sampling_seconds_per_image"] = torch.ones(1)
    if not cell.is_trained:
        provided |= evidence_of(cell, part)
    setup = replace(cell.setup, samples=max(1, round(share * cell.setup.samples)))
    device = cell.numerics.device
    trial = _TrialEvidence(provided, setup, seed=cell.seed, device=device, model=model)
    trial.passes, trial.uncounted = {}, 0.0
    return trial


def _split_part(split: Split, share: float) -> Split:
    """A share of the split's images, evenly spaced."""
    keep = torch.zeros(len(split), dtype=torch.bool)
    keep[torch.linspace(0, len(split) - 1, max(1, round(share * len(split)))).long()] = True
    return split.keep(keep)


def _part_times(
    cell: Cell, trial: _TrialEvidence, model: Family | None
) -> Iterator[tuple[str, float]]:
    """Seconds of samples, of each metric with the evidence that it is the first to need, and of
    each picture. A metric that is not defined for so few images is left out.
    """
    applicable = [p.metric for p in cell.planned_measurements if not p.obstacle]
    metrics = [load_metric_as(cell.setup.profile, name) for name in applicable]
    clock_time = clock(trial.device)

    def now() -> float:
        return clock_time() - trial.uncounted

    began = now()
    if model and hasattr(model, "sample"):
        count, took = len(trial["samples"]), now() - began
        yield "samples", took * trial.setup.draws
        if any("sampling_seconds_per_image" in metric.needs for metric in metrics):
            yield "timing", took / count * (1 + TIMING_REPEATS) * TIMING_BATCH
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for metric in metrics:
            began = now()
            if compute_metric(metric, trial).estimate:
                yield metric.name, (now() - began) * draw_count(metric, trial.setup)
    for name in pictures.chosen_pictures(trial, model, metrics) if cell.is_shown else ():
        began = now()
        pictures.DRAWN[name](trial)
        yield f"picture of {name}", now() - began


def extrapolate(points: dict[float, float]) -> float:
    """Seconds on all images from seconds on shares of them: at share 1, the nearest
    c0 + c1·share + c2·share² with no negative part.
    """
    shares, seconds = np.array(list(points)), np.maximum(list(points.values()), 1e-6)
    basis = np.stack([np.ones_like(shares), shares, shares**2], axis=1)
    parts, _ = nnls(basis / seconds[:, None], np.ones_like(seconds))
    return float(parts.sum())
