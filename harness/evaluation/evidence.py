"""The evidence on one subject, each kind computed once, when the first metric asks for it."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from harness.core.error_location import defined
from harness.data.base import Dataset
from harness.data.frames import unfold
from harness.data.pixels import stored_as
from harness.evaluation import feature_cache
from harness.evaluation.outputs import WrongOutput, checked, scale_fault
from harness.evaluation.protocols import EvalConfig
from harness.evaluation.specs import EVIDENCE, Role, evidence_names, is_drawn, named_networks
from harness.extractors import (
    load_caption_scorer,
    load_extractor,
    load_factor_reader,
    load_object_detector,
    load_perceptual,
    load_text_image,
)
from harness.extractors.base import (
    CaptionScorer,
    Extracted,
    Extractor,
    FactorReader,
    ObjectDetector,
    Perceptual,
    TextImage,
)
from harness.families.base import Family
from harness.metrics.base import Caveat, Estimate, Metric

T = TypeVar("T")

OF_TEST_IMAGES = {"reference_images", "reference_labels", "test_sources", "test_known"}
"""What is given of each test image that may be reconstructed."""


class Evidence:
    """Everything a metric can ask about a trained model, or about sets of images.

    `values` are the evidence that is at hand; the rest is computed from it, and from the model,
    where there is one. Images are N×C×H×W on the CPU as the dataset stores them (mostly uint8),
    features float32.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        setup: EvalConfig,
        *,
        seed: int = 0,
        device: str = "cpu",
        model: Family | None = None,
    ) -> None:
        self.setup = setup
        self.seed = seed
        self.device = torch.device(device)
        self.draw = 0
        self._model = model
        self._checked = model and checked(model, values["reference_images"])
        self._networks: dict[Role, str] = {}
        """The networks that the name of the metric being measured asks for."""
        self._shared: dict[str, Any] = {}
        self._of_draw: dict[str, Any] = {}
        for name, value in values.items():
            self._place(name)[name] = value

    def __getitem__(self, name: str) -> Any:
        place, key = self._place(name), self._key(name)
        caveats = f"caveats of {key}"
        if key not in place:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", Caveat)
                place[key] = EVIDENCE[name].compute(self)
            place[caveats] = [str(w.message) for w in caught if w.category is Caveat]
            for other in (w for w in caught if w.category is not Caveat):
                warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
        # It is computed once, and every metric that uses it is to say what was said of it.
        for caveat in place.get(caveats, ()):
            warnings.warn(caveat, Caveat, stacklevel=2)
        return place[key]

    def at_hand(self, name: str) -> Any | None:
        """The evidence of this name where it was given, or is computed already."""
        return self._place(name).get(self._key(name))

    def _place(self, name: str) -> dict[str, Any]:
        return self._of_draw if is_drawn(EVIDENCE[name]) else self._shared

    def _key(self, name: str) -> str:
        """What evidence is kept under: one kind may be had through several networks."""
        role = EVIDENCE[name].role
        return f"{name} by {self._networks[role]}" if role in self._networks else name

    def redrawn(self, draw: int, values: Mapping[str, Any]) -> Evidence:
        """The evidence on other samples: drawn as number `draw`, or from `values`. What does not
        come from samples is shared with this one.
        """
        other = copy.copy(self)
        other.draw = draw
        other._of_draw = dict(values)
        return other

    def first(self, count: int) -> Evidence:
        """Returns the evidence on the first `count` test images; on all of them where a metric has
        asked for all reconstructions already.
        """
        if "reconstructions" in self._shared:
            return self
        other = copy.copy(self)
        other._shared = {name: x for name, x in self._shared.items() if name != "originals"}
        for name in OF_TEST_IMAGES & other._shared.keys():
            value = other._shared[name]
            other._shared[name] = None if value is None else value[:count]
        return other

    def with_few_samples(self, count: int) -> Evidence:
        """Returns the evidence with at most `count` samples; with all where a metric has asked for
        them already.
        """
        if self.at_hand("samples") is not None:
            return self
        other = copy.copy(self)
        other._shared, other._of_draw = dict(self._shared), dict(self._of_draw)
        other.setup = replace(self.setup, samples=min(count, self.setup.samples))
        return other

    def measure(self, metric: Metric) -> Estimate:
        """The metric's value; computes what it needs of the evidence. What passes through a network
        that the metric names is shared with the metrics that name it too.
        """
        return self._call(metric, metric.compute)

    def measure_each(self, metric: Metric, per_image: Callable[..., Tensor]) -> Tensor:
        """What `per_image` gives, a value of each image, of the evidence that the metric needs."""
        return self._call(metric, per_image)

    def _call(self, metric: Metric, function: Callable[..., T]) -> T:
        self._networks = named_networks(metric)
        try:
            return function(**{need: self[name] for need, name in evidence_names(metric).items()})
        finally:
            self._networks = {}

    def network_name(self, role: Role) -> str:
        """The network of this role: the one that the metric names, or else the suite's."""
        return self._networks.get(role) or self.setup.names[role]

    @property
    def model(self) -> Any:
        """The trained model; it has the methods of the capabilities that the evidence needs, whose
        outputs are checked (`harness.evaluation.outputs`).
        """
        if self._checked is None:
            raise LookupError("there is no model behind this evidence")
        return self._checked

    @property
    def unchecked_model(self) -> Any:
        """The same without the checks, which take time, for what is timed."""
        return self._model

    def stored(self, x: Tensor) -> Tensor:
        """What a model gives, float in [-1, 1], on the CPU as the dataset stores its images."""
        return stored_as(self["reference_images"].dtype, x).cpu()

    def on_scale(self, made: Tensor, method: str, of: Tensor | None = None) -> Tensor:
        """`made`, images of the model's `method` as the dataset stores them, each made `of` one if
        that is given. Raises WrongOutput where they were on a scale from 0 to 1 (see
        `harness.evaluation.outputs.scale_fault`).
        """
        if fault := scale_fault(made, self["reference_images"], of):
            raise WrongOutput(f"{method} {fault} ({defined(getattr(self.model, method))})")
        return made

    def extractor(self) -> Extractor:
        """The feature network of FID and its kin."""
        return load_extractor(self.network_name("extractor"), str(self.device))

    def clip(self) -> Extractor:
        """The network whose image embeddings CMMD compares."""
        return load_extractor(self.network_name("clip"), str(self.device))

    def perceptual(self) -> Perceptual:
        """The network that tells how different two images look."""
        return load_perceptual(self.network_name("perceptual"), str(self.device))

    def text_image(self) -> TextImage:
        """The network that has images and texts in one space."""
        return load_text_image(self.network_name("text"), str(self.device))

    def caption_scorer(self) -> CaptionScorer:
        """The network that judges an image by its caption."""
        return load_caption_scorer(self.network_name("scorer"), str(self.device))

    def object_detector(self) -> ObjectDetector:
        """What finds the objects in images."""
        return load_object_detector(self.network_name("detector"), str(self.device))

    def factor_reader(self) -> FactorReader:
        """What tells the factors of images."""
        return load_factor_reader(self.network_name("factors"), str(self.device))

    def real(self, extractor: Extractor, name: str) -> Extracted:
        """What a network says of the dataset's images of this name, from the cache if it can; of
        videos each frame is an image.
        """
        return feature_cache.extract(extractor, unfold(self[name], self.setup.frames), self.device)


def dataset_evidence(dataset: Dataset) -> dict[str, Any]:
    """What a dataset gives, whatever the model; None where it has no such thing. The classes and
    factors of training images leave outliers out.
    """
    inliers = dataset.inliers
    return {
        "reference_images": dataset.normal_test.images,
        "reference_labels": dataset.normal_test.labels,
        "train_images": dataset.train_images,
        "train_labels": inliers.labels,
        "train_outliers": dataset.train.outliers,
        "test_images": dataset.test.images,
        "validation_images": dataset.validation and dataset.validation.images,
        "class_names": dataset.card.classes,
        "reference_texts": dataset.normal_test.texts,
        "is_binary": dataset.binary,
        "test_sources": dataset.normal_test.sources,
        "test_known": dataset.normal_test.known,
        "unpaired": dataset.unpaired,
        "anomaly_labels": dataset.anomalous,
        "truth": dataset.density,
        "anomaly_masks": dataset.test.masks,
        "train_factors": inliers.factors,
        "test_factors": dataset.normal_test.factors,
        "text_factors": dataset.normal_test.factors,
        "factor_names": dataset.card.factors,
        "polygon_corners": dataset.card.corners,
    }
