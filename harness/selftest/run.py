"""The self-test of metrics on a dataset, with the features of one extractor."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.data.base import Dataset
from harness.extractors import load_extractor
from harness.extractors.base import Extracted, Extractor
from harness.metrics import METRICS
from harness.metrics.base import Caveat, Estimate, Metric
from harness.selftest.disturbances import ASKED, Parts, run_disturbances

MOST = 4000
"""Images used at most: 1000 samples, as many of reference and of training, and to spare."""


def run_selftest(
    dataset: Dataset,
    extractor: str,
    metrics: Sequence[Metric] | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> pd.DataFrame:
    """Which disturbances of the dataset's images the metrics notice, by features of `extractor`.

    The table is that of `run_disturbances`. `metrics` are all that sets of images
    and this extractor suffice for, if not given. Training and test images are put together and
    split anew at random, so that the parts differ by chance alone.
    """
    network = load_extractor(extractor, device)
    network.check(dataset.channels, dataset.size)
    images, labels = _pool(dataset, seed)
    features = _Remembered(network)
    one = images[:1]
    available = _evidence(Parts(one, one, labels[:1], one), features).keys()
    if metrics is None:
        metrics = [m for m in METRICS.values() if available >= set(m.needs) and _is_asked(m)]
    for metric in metrics:
        if metric.variant:
            raise BadInput(
                f"{metric.name}: a self-test is of one network; say which by --extractor"
            )
        if missing := ", ".join(sorted(set(metric.needs) - available)):
            raise BadInput(f"{metric.name} cannot be tested with {extractor}: it needs {missing}")

    def measure(parts: Parts) -> dict[str, Estimate | BadInput]:
        evidence = _evidence(parts, features)
        return {metric.name: _measured(metric, evidence) for metric in metrics}

    return run_disturbances(images, labels, measure, metrics, seed)


def set_size(dataset: Dataset) -> int:
    """How many images the self-test takes as samples, and as many of reference and of training."""
    return min(len(dataset.train) + len(dataset.normal_test), MOST) // 4


def _is_asked(metric: Metric) -> bool:
    """Whether a metric is to notice a disturbance. A metric that only informs is, where `ASKED`
    names it.
    """
    return metric.better != "neither" or metric.name in ASKED


def _measured(metric: Metric, evidence: dict[str, Tensor]) -> Estimate | BadInput:
    with warnings.catch_warnings():
        # Caveats are of a number, and the same for all that are compared here.
        warnings.simplefilter("ignore", Caveat)
        try:
            return metric.compute(**{need: evidence[need] for need in metric.needs})
        except BadInput as error:
            return error


def _pool(dataset: Dataset, seed: int) -> tuple[Tensor, Tensor]:
    parts = (dataset.train, dataset.normal_test)
    images = torch.cat([part.images for part in parts])
    labels = torch.cat([part.labels for part in parts])
    if len(images) > MOST:
        indices = np.random.RandomState(seed).choice(len(images), MOST, replace=False)
        images, labels = images[indices], labels[indices]
    return images, labels


def _evidence(parts: Parts, features: _Remembered) -> dict[str, Tensor]:
    """All evidence that sets of images give with one extractor."""
    evidence = {
        "samples": parts.samples,
        "reference_images": parts.reference,
        "reference_labels": parts.reference_labels,
        "train_images": parts.train,
    }
    sets = {"sample": parts.samples, "reference": parts.reference, "train": parts.train}
    for name, images in sets.items():
        extracted = features.extract(images)
        evidence[f"{name}_features"] = extracted.pooled
        if extracted.logits is not None:
            evidence[f"{name}_logits"] = extracted.logits
    return evidence


class _Remembered:
    """An extractor that sees each image once, in however many sets it is."""

    def __init__(self, network: Extractor) -> None:
        self._network = network
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
