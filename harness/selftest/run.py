"""The self-test of metrics on a dataset, with the features of one network."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.data.base import Dataset
from harness.extractors import load_extractor, load_perceptual
from harness.extractors.base import Extracted, Extractor
from harness.metrics import METRICS
from harness.metrics.base import Caveat, Estimate, Metric
from harness.selftest.disturbances import FEWEST, NotApplicable, Parts, run_disturbances

MOST = 4000
"""Images used at most: 1000 samples, as many of reference and of training, and to spare."""


def run_selftest(  # noqa: PLR0913 - what it is run on, and with which networks
    dataset: Dataset,
    extractor: str | None,
    metrics: Sequence[Metric] | None = None,
    seed: int = 0,
    device: str = "cpu",
    *,
    perceptual: str | None = None,
) -> pd.DataFrame:
    """Which disturbances of the dataset's images the metrics notice, by the features of `extractor`
    and the distances of `perceptual`, each needed only where a metric asks for it.

    The table is that of `run_disturbances`. `metrics` are all that the dataset and this extractor
    suffice for, if not given. Training and test images are put together and split again at random,
    so that the parts differ by chance alone. Raises BadInput for a metric that cannot be tested.
    """
    networks = _Networks(dataset, extractor, perceptual, device)
    if metrics is None:
        metrics = [m for m in METRICS.values() if m.fooled_by and not networks.obstacle(m)]
    for metric in metrics:
        if metric.variant:
            raise BadInput(
                f"{metric.name}: a self-test is of one network; say which by --extractor"
            )
        if reason := networks.obstacle(metric):
            raise BadInput(f"{metric.name} cannot be tested: {reason}")
    images, labels = _pool(dataset, seed)

    def measure(parts: Parts) -> dict[str, Estimate | BadInput]:
        evidence: dict[str, Any] = {}
        return {metric.name: _measured(metric, parts, networks, evidence) for metric in metrics}

    return run_disturbances(images, labels, measure, metrics, seed)


def set_size(dataset: Dataset) -> int:
    """How many images the self-test takes as samples, and as many of reference and of training."""
    return min(len(dataset.inliers) + len(dataset.normal_test), MOST) // 4


def untestable(metric: Metric, dataset: Dataset) -> str:
    """Why the self-test cannot be run of a metric on a dataset; empty where it can."""
    needs, card, name = set(metric.needs), dataset.card, dataset.name
    count = len(dataset.inliers) + len(dataset.normal_test)
    missing = ", ".join(sorted(needs - EVIDENCE_OF_IMAGES.keys()))
    obstacles = {
        f"it needs {missing}, which images alone do not give": bool(missing),
        f"{name} has no images of 8-bit pixels": not dataset.has_pixels or dataset.frames > 1,
        f"it takes {FEWEST} images, and {name} has {count}": count < FEWEST,
        f"it needs images of {metric.smallest} pixels a side": dataset.size < metric.smallest,
        f"{name} does not consist of polygons": "polygon_samples" in needs and not card.corners,
        f"{name} is not symmetric": "symmetric_samples" in needs and not card.symmetric,
        f"{name} has no colours": "source_colours" in needs and dataset.channels != 3,
    }
    return next((reason for reason, holds in obstacles.items() if holds), "")


def _measured(
    metric: Metric, parts: Parts, networks: _Networks, evidence: dict[str, Any]
) -> Estimate | BadInput:
    """The metric's estimate, or why it has none; `evidence` is kept for other metrics."""
    with warnings.catch_warnings():
        # Caveats are of a number, and the same for all that are compared here.
        warnings.simplefilter("ignore", Caveat)
        try:
            for need in metric.needs:
                if need not in evidence:
                    evidence[need] = EVIDENCE_OF_IMAGES[need](parts, networks)
            return metric.compute(**{need: evidence[need] for need in metric.needs})
        except BadInput as error:
            return error


def _pool(dataset: Dataset, seed: int) -> tuple[Tensor, Tensor]:
    parts = (dataset.inliers, dataset.normal_test)
    images = torch.cat([part.images for part in parts])
    labels = torch.cat([part.labels for part in parts])
    if len(images) > MOST:
        indices = np.random.RandomState(seed).choice(len(images), MOST, replace=False)
        images, labels = images[indices], labels[indices]
    return images, labels


@dataclass(frozen=True)
class _Networks:
    """The networks that metrics of a dataset's images are tested with, loaded when first asked."""

    dataset: Dataset
    extractor: str | None
    perceptual: str | None
    device: str

    def obstacle(self, metric: Metric) -> str:
        """Why a metric cannot be tested with these; empty where it can."""
        if reason := untestable(metric, self.dataset):
            return reason
        needs = set(metric.needs)
        if "perceptual_distances" in needs and not self.perceptual:
            return "it needs a perceptual network"
        if needs & OF_FEATURES and not self.extractor:
            return "it needs a feature network"
        if needs & OF_FEATURES:
            _ = self.features  # it is loaded, and takes the images
        if needs & OF_LOGITS and not self.features.has_logits:
            return f"extractor {self.extractor!r} has no class logits"
        return ""

    @cached_property
    def features(self) -> _Remembered:
        """The extractor; BadInput where it does not take the images."""
        network = load_extractor(self.extractor or "", self.device)
        network.check(self.dataset.channels, self.dataset.size)
        return _Remembered(network)

    def distances(self, parts: Parts) -> Tensor:
        """How different each sample looks from its original, N."""
        a, b = _originals(parts, self), parts.samples
        if torch.equal(a, b):
            return torch.zeros(len(a))
        return load_perceptual(self.perceptual or "", self.device).distance(a, b)


def _originals(parts: Parts, _: _Networks) -> Tensor:
    if parts.originals is None:
        raise NotApplicable("the metric compares images one by one with what they were")
    return parts.originals


def _of_originals(parts: Parts, networks: _Networks) -> Tensor:
    """The samples, where they are disturbed copies of `originals`."""
    _originals(parts, networks)
    return parts.samples


EVIDENCE_OF_IMAGES: Mapping[str, Callable[[Parts, _Networks], Any]] = {
    "samples": lambda parts, _: parts.samples,
    "reference_images": lambda parts, _: parts.reference,
    "reference_labels": lambda parts, _: parts.reference_labels,
    "train_images": lambda parts, _: parts.train,
    "originals": _originals,
    "reconstructions": _of_originals,
    "source_colours": _originals,
    "translation_colours": _of_originals,
    "perceptual_distances": lambda parts, networks: networks.distances(parts),
    "counterpart_logits": lambda parts, networks: (
        networks.features.extract(_originals(parts, networks)).logits
    ),
    "translated_logits": lambda parts, networks: (
        networks.features.extract(_of_originals(parts, networks)).logits
    ),
    "symmetric_samples": lambda parts, _: parts.samples,
    "polygon_samples": lambda parts, _: parts.samples,
    "polygon_corners": lambda _, networks: networks.dataset.card.corners,
    "sample_features": lambda parts, networks: networks.features.extract(parts.samples).pooled,
    "reference_features": lambda parts, networks: networks.features.extract(parts.reference).pooled,
    "train_features": lambda parts, networks: networks.features.extract(parts.train).pooled,
    "sample_logits": lambda parts, networks: networks.features.extract(parts.samples).logits,
    "reference_logits": lambda parts, networks: networks.features.extract(parts.reference).logits,
}
"""How to get each kind of evidence that needs only images and the networks."""

OF_LOGITS = {"sample_logits", "reference_logits", "counterpart_logits", "translated_logits"}
OF_FEATURES = {"sample_features", "reference_features", "train_features", *OF_LOGITS}


class _Remembered:
    """An extractor that sees each image once, in however many sets it is."""

    def __init__(self, network: Extractor) -> None:
        self._network = network
        self.has_logits = network.has_logits
        self._places: dict[bytes, int] = {}
        self._known: Extracted | None = None

    def extract(self, images: Tensor) -> Extracted:
        """Pooled features and logits of uint8 images N×C×H×W."""
        keys = [image.numpy().tobytes() for image in images]
        new = {key: i for i, key in enumerate(keys) if key not in self._places}
        if new:
            self._add(list(new), self._network.extract(images[list(new.values())]))
        assert self._known is not None
        at = torch.tensor([self._places[key] for key in keys])
        logits = self._known.logits
        return Extracted(self._known.pooled[at], None if logits is None else logits[at])

    def _add(self, keys: list[bytes], extracted: Extracted) -> None:
        for key in keys:
            self._places[key] = len(self._places)
        if earlier := self._known:
            logits = None
            if earlier.logits is not None and extracted.logits is not None:
                logits = torch.cat([earlier.logits, extracted.logits])
            extracted = Extracted(torch.cat([earlier.pooled, extracted.pooled]), logits)
        self._known = extracted
