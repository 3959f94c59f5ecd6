"""The evidence on one subject, each kind computed once, when the first metric asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from harness.data.base import Dataset
from harness.evaluation.kinds import EVIDENCE
from harness.evaluation.protocols import Setup
from harness.extractors import load_extractor, load_perceptual, load_text_image
from harness.extractors.base import Extractor, Perceptual, TextImage
from harness.families.base import Family
from harness.metrics.base import Estimate, Metric


class Evidence:
    """Everything a metric can ask about a trained model, or about sets of images.

    `given` is the evidence that is at hand; the rest is computed from it, and from the model,
    where there is one. Images are uint8 N×C×H×W on the CPU, features float32.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        setup: Setup,
        *,
        seed: int = 0,
        device: str = "cpu",
        model: Family | None = None,
    ) -> None:
        self.setup = setup
        self.seed = seed
        self.device = torch.device(device)
        self._model = model
        self._known = dict(given)

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = EVIDENCE[name].compute(self)
        return self._known[name]

    def measure(self, metric: Metric) -> Estimate:
        """The metric's value; computes what it needs of the evidence."""
        return metric.compute(**{name: self[name] for name in metric.needs})

    @property
    def model(self) -> Any:
        """The trained model; it has the methods of the capabilities that the evidence needs."""
        if self._model is None:
            raise LookupError("there is no model behind this evidence")
        return self._model

    def extractor(self) -> Extractor:
        """The feature network of the suite."""
        return load_extractor(self.setup.names["extractor"], str(self.device))

    def clip(self) -> Extractor:
        """The network whose image embeddings CMMD compares."""
        return load_extractor(self.setup.names["clip"], str(self.device))

    def perceptual(self) -> Perceptual:
        """The network that tells how different two images look."""
        return load_perceptual(self.setup.names["perceptual"], str(self.device))

    def text_image(self) -> TextImage:
        """The network that has images and texts in one space."""
        return load_text_image(self.setup.names["text"], str(self.device))


def dataset_evidence(dataset: Dataset) -> dict[str, Any]:
    """What a dataset gives, whatever the model; None where it has no such thing."""
    return {
        "reference_images": dataset.normal_test.images,
        "reference_labels": dataset.normal_test.labels,
        "train_images": dataset.train.images,
        "train_labels": dataset.train.labels,
        "test_images": dataset.test.images,
        "is_binary": dataset.binary,
        "test_sources": dataset.normal_test.sources,
        "test_known": dataset.normal_test.known,
        "anomaly_labels": dataset.anomalous,
        "anomaly_masks": dataset.test.masks,
        "train_factors": dataset.train.factors,
        "test_factors": dataset.normal_test.factors,
    }
