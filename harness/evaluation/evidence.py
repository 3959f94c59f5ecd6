"""The evidence on one trained model, each kind computed once, when the first metric asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor

from harness.data.base import Dataset
from harness.data.pixels import to_float, to_uint8
from harness.evaluation.protocols import SAMPLING_BATCH, TIMING_BATCH, TIMING_REPEATS, Setup
from harness.extractors import load_extractor, load_perceptual
from harness.extractors.base import Extracted
from harness.families.base import Family, Reconstructs, Samples, Scores
from harness.metrics.base import Estimate, Metric
from harness.seeding import generator
from harness.spec.errors import BadInput

BATCH = 250
"""Images passed through a model at a time where batches do not change the result."""


@dataclass(frozen=True)
class Costs:
    """What training took."""

    training_seconds: float
    peak_memory_bytes: int
    parameter_count: int


class Evidence:
    """Everything a metric can ask about one trained model; the attributes are the names in
    `harness.evaluation.kinds.EVIDENCE`. Images are uint8 N×C×S×S on the CPU, features float32.
    """

    def __init__(
        self, family: Family, dataset: Dataset, setup: Setup, seed: int, costs: Costs
    ) -> None:
        self.family = family
        self.dataset = dataset
        self.setup = setup
        self.seed = seed
        self.training_seconds = costs.training_seconds
        self.peak_memory_bytes = costs.peak_memory_bytes
        self.parameter_count = costs.parameter_count

    def measure(self, metric: Metric) -> Estimate:
        """The metric's value; computes what it needs of the evidence."""
        needs: dict[str, Any] = {name: getattr(self, name) for name in metric.needs}
        return metric.compute(**needs)

    @cached_property
    def samples(self) -> Tensor:
        """New images, drawn from the generator that every model of this seed is given."""
        draws = generator(self.seed, "samples", device=self.family.device)
        return torch.cat(list(self._sampled(draws)))

    def _sampled(self, draws: torch.Generator) -> Iterator[Tensor]:
        assert isinstance(self.family, Samples)
        with torch.inference_mode():
            for start in range(0, self.setup.samples, SAMPLING_BATCH):
                n = min(SAMPLING_BATCH, self.setup.samples - start)
                yield to_uint8(self.family.sample(n, draws)).cpu()

    @cached_property
    def _sample_pass(self) -> Extracted:
        extractor = load_extractor(self.setup.names["extractor"], str(self.family.device))
        return extractor.extract(self.samples)

    @property
    def sample_features(self) -> Tensor:
        """Pooled features of the samples, n×d."""
        return self._sample_pass.pooled

    @property
    def sample_logits(self) -> Tensor:
        """Class logits of the samples, n×classes."""
        if self._sample_pass.logits is None:
            raise BadInput(f"extractor {self.setup.names['extractor']!r} has no class logits")
        return self._sample_pass.logits

    @property
    def reference_features(self) -> Tensor:
        """Pooled features of the test images (of the classes seen in training), n×d."""
        return reference_features(
            self.dataset, self.setup.names["extractor"], str(self.family.device)
        )

    @cached_property
    def originals(self) -> Tensor:
        """The test images that are reconstructed."""
        return self.dataset.normal_test.images

    @cached_property
    def reconstructions(self) -> Tensor:
        """The model's reconstructions of `originals`."""
        assert isinstance(self.family, Reconstructs)
        return self._mapped(self.originals, lambda x: to_uint8(self.family.reconstruct(x)))  # type: ignore[attr-defined]

    @cached_property
    def perceptual_distances(self) -> Tensor:
        """How different each reconstruction looks from its original."""
        network = load_perceptual(self.setup.names["perceptual"], str(self.family.device))
        return network.distance(self.originals, self.reconstructions)

    @cached_property
    def anomaly_scores(self) -> Tensor:
        """A score for each test image, higher for the more anomalous."""
        score = self.family.score if isinstance(self.family, Scores) else self._error
        return self._mapped(self.dataset.test.images, score)

    @property
    def anomaly_labels(self) -> Tensor:
        """For each test image, whether it is of an unseen class."""
        return self.dataset.anomalous

    def _error(self, x: Tensor) -> Tensor:
        """The default score: mean squared error of the reconstruction, per image."""
        assert isinstance(self.family, Reconstructs)
        return (self.family.reconstruct(x) - x).square().mean(dim=(1, 2, 3))

    def _mapped(self, images: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        device = self.family.device
        with torch.inference_mode():
            return torch.cat(
                [function(to_float(u8.to(device))).cpu() for u8 in torch.split(images, BATCH)]
            )

    @cached_property
    def sampling_seconds_per_image(self) -> Tensor:
        """Wall seconds per image, one value a repeat."""
        assert isinstance(self.family, Samples)
        draws = generator(self.seed, "timing", device=self.family.device)
        seconds = []
        with torch.inference_mode():
            for _ in range(1 + TIMING_REPEATS):
                started = time.perf_counter()
                to_uint8(self.family.sample(TIMING_BATCH, draws)).cpu()
                seconds.append((time.perf_counter() - started) / TIMING_BATCH)
        return torch.tensor(seconds[1:], dtype=torch.float64)


def reference_features(dataset: Dataset, extractor: str, device: str) -> Tensor:
    """Pooled features of a dataset's normal test images; kept, by content, for the next cell."""
    network = load_extractor(extractor, device)
    return _reference(_Once(dataset, (dataset.digest, network.label, device)), network.name, device)


@dataclass(frozen=True, eq=False)
class _Once:
    """A dataset as a cache key: equal where the digests are, whatever the object."""

    dataset: Dataset
    key: tuple[str, ...]

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Once) and self.key == other.key


@lru_cache(maxsize=8)
def _reference(once: _Once, extractor: str, device: str) -> Tensor:
    return load_extractor(extractor, device).extract(once.dataset.normal_test.images).pooled
