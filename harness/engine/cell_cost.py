"""What a cell takes on this machine, by a few training steps and metrics of small sets."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor

from harness.cell.measuring import COSTS
from harness.cell.training import build, train_steps
from harness.core.keys import digest
from harness.data.base import Dataset, Split
from harness.data.frames import unfold
from harness.evaluation import feature_cache
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.measure import compute_metric
from harness.evaluation.profiles import load_metric_as
from harness.evaluation.protocols import TIMING_BATCH, TIMING_REPEATS, draw_count
from harness.evaluation.requirements import REQUIREMENTS, Candidate
from harness.evaluation.specs import metric_needs
from harness.extractors.base import Extracted, Extractor
from harness.families import FAMILIES
from harness.families.base import Family
from harness.metrics.base import Metric
from harness.plan import Cell
from harness.plan.external_samples import evidence_of
from harness.training import memory
from harness.training.clock import clock

WARM_UP, MAX_STEPS = 2, 2000  # training steps that are not counted, and the most that are
ENOUGH = 1.0  # seconds of training steps, or of metrics, after which no more are timed
FEW_THINGS = 64  # at most, of what a phase makes before its first step, such as pairs
PROBE, LEAST = 16, 32  # images that time a feature network, and images of the smallest set
TIMING = "timing"
GROWTH = (1, 1, 4, 16, 64, 256, 1024)
"""Sizes of sets, as multiples of `LEAST`. Start-up is in the first time of the first."""


@dataclass(frozen=True)
class CellCost:
    """What a cell of one model on one dataset takes.

    `training` and `evaluation` are seconds. The first cell of a dataset takes `once` seconds more,
    for features of real images: `once_bytes` on disk. `memory` is the most bytes that the process
    holds, of a GPU where it runs on one. `is_measured`: not taken from finished cells.
    """

    training: float
    evaluation: float
    memory: int = 0
    parameters: int = 0
    once: float = 0.0
    once_bytes: int = 0
    is_measured: bool = True


Rates = dict[str, tuple[float, float]]
"""Seconds that were timed for one cell and hold for others, by a digest of what was timed: a
constant, and seconds for each image."""


def measure_cost(cell: Cell, dataset: Dataset, rates: Rates | None = None) -> CellCost:
    """Time a few steps, samples and images of a cell on this machine. Times in `rates` are taken
    from there, and new ones are added.
    """
    rates = {} if rates is None else rates
    device = cell.numerics.apply()
    memory.start(device)
    training, parameters, model = 0.0, 0, None
    if cell.is_trained:
        training = _time_training(cell, dataset, rates) if cell.images else 0.0
        model = build(cell, dataset)
        model.networks.to(device).eval()
        parameters = sum(p.numel() for p in model.networks.parameters())
    evaluation, trial = _time_evaluation(cell, dataset, model, rates)
    held = memory.held(device)
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return CellCost(training, evaluation, held, parameters, trial.once, trial.once_bytes)


def _time_training(cell: Cell, dataset: Dataset, rates: Rates) -> float:
    """Seconds of the whole training. Cells that differ only in sampling or budget share times."""
    key = _trained_on(cell, dataset, len(dataset.train))
    if key not in rates:
        rates[key] = _time_steps(cell, dataset)
    once, each = rates[key]
    return once + each * cell.images


def _trained_on(cell: Cell, dataset: Dataset, *parts: object) -> str:
    """A digest of these values, of how the cell is trained, and of the shape of its images."""
    recipe = {name: value for name, value in cell.settings.items() if name != "sampling"}
    return digest([*parts, cell.family, recipe, *dataset.train.images.shape[1:]])


def _time_steps(cell: Cell, dataset: Dataset) -> tuple[float, float]:
    """Seconds before the first steps of phases, and seconds of training for each image by the
    difference of two short trainings. Where a setting counts what phases make before their first
    steps, a few are timed.
    """
    cell, times = _with_less_to_begin(cell)
    accelerate = cell.numerics.accelerate
    first = train_steps(cell, dataset, WARM_UP, accelerate)
    few = first.seconds - first.begin_seconds
    steps = max(2 * WARM_UP, round(ENOUGH / max(few / WARM_UP, ENOUGH / MAX_STEPS)))
    begins = first.begin_seconds < ENOUGH  # else once is enough
    second = train_steps(cell, dataset, WARM_UP + steps, accelerate, begins=begins)
    seconds = max(second.seconds - second.begin_seconds - few, 0.0)
    return times * first.begin_seconds, seconds / (steps * int(cell.settings["batch_size"]))


def _with_less_to_begin(cell: Cell) -> tuple[Cell, float]:
    """The cell whose phases make at most `FEW_THINGS` before their first steps, and by how much to
    multiply the seconds.
    """
    name = FAMILIES.load(cell.family).begin_count
    if name is None or (count := cell.settings[name]) <= FEW_THINGS:
        return cell, 1.0
    return replace(cell, settings=cell.settings | {name: FEW_THINGS}), count / FEW_THINGS


class _TrialEvidence(Evidence):
    """Evidence on one in `step` of the images, with random features of real ones, whose computation
    is timed on `PROBE` images: `once` and `once_bytes` are for all of the dataset's. `samples`, if
    there are some, are repeated in place of new ones.
    """

    def __init__(
        self,
        cell: Cell,
        dataset: Dataset,
        model: Family | None,
        step: int,
        samples: Tensor | None = None,
    ) -> None:
        train, test = (_every(step, split) for split in (dataset.train, dataset.test))
        part = replace(dataset, train=train, test=test)
        costs = dict.fromkeys(COSTS, 1) | {"sampling_seconds_per_image": torch.ones(1)}
        images = {} if cell.is_trained else evidence_of(cell, part)
        values = dataset_evidence(part) | costs | images
        setup = replace(cell.setup, samples=-(-cell.setup.samples // step))
        if samples is not None:
            values["samples"] = samples[torch.arange(setup.samples) % len(samples)]
        device = cell.numerics.device
        super().__init__(values, setup, seed=cell.seed, device=device, model=model)
        self.whole, self.clock = dataset_evidence(dataset), clock(self.device)
        self.once, self.once_bytes, self.uncounted = 0.0, 0, 0.0

    def now(self) -> float:
        """Returns seconds, without the time for features of real images."""
        return self.clock() - self.uncounted

    def real(self, extractor: Extractor, name: str) -> Extracted:
        """Random features, as many and as wide as the network's."""
        few, every = (unfold(x[name], self.setup.frames) for x in (self, self.whole))
        began = self.clock()
        extracted = extractor.extract(few[:PROBE])
        seconds = self.clock() - began
        self.uncounted += seconds
        widths = [0 if x is None else x.shape[1] for x in (extracted.pooled, extracted.logits)]
        if not feature_cache.holds(extractor, every, self.device):
            self.once += seconds / min(PROBE, len(few)) * len(every)
            self.once_bytes += 4 * sum(widths) * len(every)
        pooled, logits = (torch.randn(len(few), width) for width in widths)
        return Extracted(pooled, None if extracted.logits is None else logits)


def _every(step: int, split: Split) -> Split:
    return split.keep(torch.arange(len(split)) % step == 0)


def _time_evaluation(
    cell: Cell, dataset: Dataset, model: Family | None, rates: Rates
) -> tuple[float, _TrialEvidence]:
    """Seconds of samples and metrics, by growing shares of the images; and the last evidence. On a
    CPU an image is drawn in the same time whatever their number, so that few are.
    """
    applicable = [p.metric for p in cell.planned_measurements if not p.obstacle]
    metrics = [load_metric_as(cell.setup.profile, name) for name in applicable]
    judged = [metric for metric in metrics if _judged_images(metric, dataset)]
    others = [metric for metric in metrics if metric not in judged]
    points: dict[str, dict[float, float]] = {}
    largest = max(1, min(len(dataset.normal_test), max(cell.setup.samples, LEAST)) // LEAST)
    samples: Tensor | None = None
    for factor in GROWTH:
        step = max(1, largest // factor)
        trial, total = _TrialEvidence(cell, dataset, model, step, samples), 0.0
        for name, seconds in _part_times(others, trial):
            share = 1.0 if name == TIMING else 1 / step  # timed on as many, whatever is measured
            points.setdefault(name, {})[share] = seconds
            total += seconds
        if step == 1 or (total > ENOUGH and factor > 1):
            break
        slow = points.get("samples", {}).get(1 / step, 0.0) > ENOUGH / 10
        if samples is None and slow and trial.device.type == "cpu":
            samples = trial["samples"]
    seconds = sum(map(extrapolate, points.values()))
    if judged:
        few = _TrialEvidence(cell, dataset, model, largest)
        seconds += sum(_time_judging(cell, dataset, metric, few, rates) for metric in judged)
    return seconds, trial


def _judged_images(metric: Metric, dataset: Dataset) -> int | None:
    """How many of the test images the model judges for the metric, where they are not all."""
    requirements = (REQUIREMENTS[need] for need in sorted(metric_needs(metric)))
    counts = (r.count(Candidate(dataset)) for r in requirements if r.part == "judged")
    return next((n for n in counts if n and n < len(dataset.normal_test)), None)


def _time_judging(
    cell: Cell, dataset: Dataset, metric: Metric, trial: _TrialEvidence, rates: Rates
) -> float:
    """Seconds of a metric of images that the model judges. Images of one shape take equally long,
    so that a few are timed.
    """
    key = _trained_on(cell, dataset, metric.name)
    if key not in rates:
        began = trial.now()
        compute_metric(metric, trial)
        rates[key] = 0.0, (trial.now() - began) / len(trial["reference_images"])
    return rates[key][1] * (_judged_images(metric, dataset) or 0)


def _part_times(metrics: Sequence[Metric], trial: _TrialEvidence) -> Iterator[tuple[str, float]]:
    """Seconds of samples where they are new, and of each metric that these suffice for, with its
    evidence.
    """
    began = trial.now()
    reads_samples = any("samples" in metric_needs(metric) for metric in metrics)
    if reads_samples and trial.at_hand("samples") is None:
        count, seconds = len(trial["samples"]), trial.now() - began
        yield "samples", seconds * trial.setup.draws
        if any("sampling_seconds_per_image" in metric.needs for metric in metrics):
            yield TIMING, seconds / count * (1 + TIMING_REPEATS) * TIMING_BATCH
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for metric in metrics:
            began = trial.now()
            if compute_metric(metric, trial).estimate:
                yield metric.name, (trial.now() - began) * draw_count(metric, trial.setup)


def extrapolate(points: dict[float, float]) -> float:
    """Seconds on all images from seconds on shares of them: at share 1, the nearest
    c0 + c1·share + c2·share² with no negative part; proportional to the share where there is one.
    """
    if len(points) == 1:
        ((share, alone),) = points.items()
        return alone / share
    shares, seconds = np.array(list(points)), np.maximum(list(points.values()), 1e-6)
    basis = np.stack([np.ones_like(shares), shares, shares**2], axis=1)
    parts, _ = nnls(basis / seconds[:, None], np.ones_like(seconds))
    return float(parts.sum())
