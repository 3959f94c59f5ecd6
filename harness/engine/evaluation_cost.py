"""What a cell's evaluation takes on this machine, from a few samples, and metrics of small sets."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor

from harness.cell import build
from harness.core.seeding import generator
from harness.data.base import Dataset, Split
from harness.data.frames import unfold
from harness.data.pixels import stored_as
from harness.evaluation import feature_cache, pictures
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.measure import compute_metric
from harness.evaluation.profiles import load_metric_as
from harness.evaluation.protocols import SAMPLING_BATCH, TIMING_BATCH, TIMING_REPEATS, draw_count
from harness.evaluation.specs import EVIDENCE, is_drawn
from harness.extractors.base import Extracted, Extractor
from harness.families.base import Family, Samples
from harness.metrics.base import Metric
from harness.plan import Cell
from harness.plan.external_samples import evidence_of
from harness.training.clock import clock

PROBE = 16
"""Images that are sampled, or passed through a network, to time that."""
LEAST = 32
"""Images of the smallest set that metrics are timed on."""
ENOUGH = 1.0
"""Seconds after which metrics are not timed on larger sets."""


@dataclass(frozen=True)
class EvaluationCost:
    """Seconds of the whole; and, of what is done once for all cells of a dataset on a machine,
    the features of real images, the seconds and the bytes that are kept.
    """

    seconds: float
    once: float
    once_bytes: int


def time_evaluation(cell: Cell, dataset: Dataset) -> EvaluationCost:
    """Samples, passes through feature networks, and metrics, timed on a few images."""
    model = build(cell, dataset) if cell.is_trained else None
    if model:
        model.networks.to(cell.numerics.device).eval()
    metrics = [
        load_metric_as(cell.setup.profile, w.metric)
        for w in cell.planned_measurements
        if not w.obstacle
    ]
    sampling, samples = _sampling(cell, model, dataset, metrics)
    trial, own = _on_small_sets(cell, dataset, model, samples, metrics)
    passes = sum(n.per_image * n.samples for n in trial.networks.values()) / trial.share
    once, size = trial.once(dataset)
    return EvaluationCost(sampling + passes * cell.setup.draws + own, once, size)


def _sampling(
    cell: Cell, model: Family | None, dataset: Dataset, metrics: Sequence[Metric]
) -> tuple[float, Tensor | None]:
    """Seconds to draw all samples that metrics ask for, and a few of them."""
    if model is None:
        return 0.0, evidence_of(cell, dataset).get("samples")
    needed = {name for metric in metrics for name in metric.needs}
    is_timed = "sampling_seconds_per_image" in needed
    are_drawn = any(is_drawn(EVIDENCE[name]) for name in needed)
    if not (isinstance(model, Samples) and (are_drawn or is_timed)):
        return 0.0, None
    count = cell.setup.samples * cell.setup.draws if are_drawn else 0
    count += (1 + TIMING_REPEATS) * TIMING_BATCH if is_timed else 0
    source = generator(cell.seed, "probe", device=cell.numerics.device)
    now = clock(model.device)

    def timed(n: int) -> tuple[float, Tensor]:
        started = now()
        images = stored_as(dataset.train.images.dtype, model.sample(n, source)).cpu()
        return (now() - started) / n, images

    with torch.inference_mode():
        timed(1)
        each, images = timed(PROBE)
        if each * SAMPLING_BATCH < ENOUGH:
            each, images = timed(SAMPLING_BATCH)
    return each * count, images


class _StandIn(Extractor):
    """A feature network that gives features at random, in no time; metrics take as long on them.

    It knows how long the real network takes for an image, and counts the samples it is shown.
    """

    def __init__(self, network: Extractor, images: Tensor, device: torch.device) -> None:
        self.network = network
        self.samples = 0
        network.extract(images[:1])
        now = clock(device)
        started = now()
        found = network.extract(images)
        self.per_image = (now() - started) / len(images)
        self.widths = [t.shape[1] if t is not None else 0 for t in (found.pooled, found.logits)]
        self.has_logits = network.has_logits

    def check(self, channels: int, size: int) -> None:
        """Takes what the real one takes."""
        self.network.check(channels, size)

    def extract(self, images: Tensor) -> Extracted:
        """Features of samples."""
        self.samples += len(images)
        return self.made_up(len(images))

    def made_up(self, count: int) -> Extracted:
        """Features of so many images."""
        source = generator(count, "features")
        pooled, logits = (torch.randn(count, width, generator=source) for width in self.widths)
        return Extracted(pooled, logits if self.has_logits else None)


class _Trial(Evidence):
    """The evidence on a share of all images, with feature networks that take no time."""

    share: float
    networks: dict[str, _StandIn]
    asked: set[tuple[str, str]]
    """Network and images, of the features of real images that were asked for."""

    def extractor(self) -> Extractor:
        """The stand-in of the suite's feature network."""
        return self._stand_in("extractor", super().extractor)

    def clip(self) -> Extractor:
        """The stand-in of CMMD's network."""
        return self._stand_in("clip", super().clip)

    def real(self, extractor: Extractor, name: str) -> Extracted:
        """Features of real images, which no cache has."""
        assert isinstance(extractor, _StandIn)
        role = next(role for role, known in self.networks.items() if known is extractor)
        self.asked.add((role, name))
        return extractor.made_up(len(self[name]) * self.setup.frames)

    def once(self, dataset: Dataset) -> tuple[float, int]:
        """Seconds and bytes of the features that were asked for and are not on this machine."""
        seconds, size = 0.0, 0
        for role, name in self.asked:
            stand_in, images = self.networks[role], dataset_evidence(dataset)[name]
            images = unfold(images, self.setup.frames)
            if not feature_cache.holds(stand_in.network, images, self.device):
                seconds += stand_in.per_image * len(images)
                size += 4 * sum(stand_in.widths) * len(images)
        return seconds, size

    def _stand_in(self, role: str, load: Callable[[], Extractor]) -> _StandIn:
        if role not in self.networks:
            few = unfold(self["reference_images"][:PROBE], self.setup.frames)
            self.networks[role] = _StandIn(load(), few, self.device)
        return self.networks[role]


def _on_small_sets(
    cell: Cell,
    dataset: Dataset,
    model: Family | None,
    samples: Tensor | None,
    metrics: Sequence[Metric],
) -> tuple[_Trial, float]:
    """Seconds of all metrics and pictures on all images, from those on growing shares of them; and
    the evidence on the last.
    """
    points: dict[str, dict[float, float]] = {}
    smallest = min(len(dataset.normal_test), max(cell.setup.samples, LEAST))
    for share in _shares(smallest):
        trial = _trial(cell, dataset, model, samples, share)
        drawn = _timed_pictures(trial, model, metrics) if cell.is_shown else ()
        for name, seconds in chain(_timed(trial, model, metrics), drawn):
            points.setdefault(name, {})[share] = seconds
        total = sum(of[share] for of in points.values() if share in of)
        if total > ENOUGH and share > LEAST / smallest:
            break
    return trial, sum(extrapolate(of) for of in points.values())


def _shares(smallest: int) -> Iterator[float]:
    """Growing shares; the first comes twice, since start-up is in its first time."""
    share = min(1.0, LEAST / smallest)
    yield share
    while share < 1.0:
        yield share
        share = min(1.0, 4 * share)
    yield share


def _trial(
    cell: Cell, dataset: Dataset, model: Family | None, samples: Tensor | None, share: float
) -> _Trial:
    some = replace(dataset, train=_part(dataset.train, share), test=_part(dataset.test, share))
    count = max(1, round(share * cell.setup.samples))
    costs = {"training_seconds": 1.0, "peak_memory_bytes": 1, "parameter_count": 1}
    given = {**dataset_evidence(some), **costs, "sampling_seconds_per_image": torch.ones(1)}
    if samples is not None:
        given["samples"] = samples[torch.arange(count) % len(samples)]
    elif not cell.is_trained:
        given |= evidence_of(cell, some)
    setup = replace(cell.setup, samples=count)
    trial = _Trial(given, setup, seed=cell.seed, device=cell.numerics.device, model=model)
    trial.share, trial.networks, trial.asked = share, {}, set()
    return trial


def _part(split: Split, share: float) -> Split:
    """A share of the images, from everywhere."""
    keep = torch.zeros(len(split), dtype=torch.bool)
    keep[torch.linspace(0, len(split) - 1, max(1, round(share * len(split)))).long()] = True
    return split.keep(keep)


def _timed(
    trial: _Trial, model: Family | None, metrics: Sequence[Metric]
) -> Iterator[tuple[str, float]]:
    """Seconds of each metric, with the evidence that it is the first to ask for.

    What cannot be computed of so few images is left out.
    """
    now = clock(trial.device)
    for metric in metrics:
        started = now()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if compute_metric(metric, trial).estimate:
                seconds = now() - started
                yield metric.name, seconds * draw_count(metric, trial.setup)


def _timed_pictures(
    trial: _Trial, model: Family | None, metrics: Sequence[Metric]
) -> Iterator[tuple[str, float]]:
    """Seconds of each picture."""
    now = clock(trial.device)
    for name in pictures.chosen_pictures(trial, model, metrics):
        started = now()
        pictures.DRAWN[name](trial)
        yield f"picture of {name}", now() - started


def extrapolate(points: dict[float, float]) -> float:
    """Seconds on all from those on shares: the nearest c0 + c1·share + c2·share² without a negative
    part. What metrics do takes always as long, or grows with a set, or with pairs of its images.
    """
    shares, seconds = np.array(list(points)), np.maximum(list(points.values()), 1e-6)
    basis = np.stack([np.ones_like(shares), shares, shares**2], axis=1)
    parts, _ = nnls(basis / seconds[:, None], np.ones_like(seconds))
    return float(parts.sum())
