"""Computes the number that a protocol gives."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev
from typing import Any

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.extractors.base import Extracted
from harness.metrics import FeatureStatistics, frechet_infinity
from harness.metrics.base import Caveat
from harness.reconcile.claimed_number import ClaimedNumber
from harness.reconcile.estimators import estimators_of
from harness.reconcile.prepared_images import PreparedImages
from harness.reconcile.protocol import ImageCount, ScoringProtocol
from harness.reconcile.sources import ReferenceSource

DRAWS = 8
"""How many random draws a protocol's number is averaged over."""
OF_SUBSETS = ("kid", "is")
"""The metrics that draw subsets themselves."""


@dataclass(frozen=True)
class ProtocolValue:
    """The number of a protocol; `spread` is its standard deviation over random subsets, or the
    standard error of an extrapolation; 0 where nothing is drawn.
    """

    value: float
    spread: float = 0.0


@dataclass(eq=False)
class Evaluator:
    """Computes the numbers of protocols: the images at `samples` against one of the `sources`,
    which are references by name.
    """

    claim: ClaimedNumber
    samples: str
    sources: Mapping[str, ReferenceSource]
    images: PreparedImages
    _values: dict[ScoringProtocol, ProtocolValue] = field(default_factory=dict)

    def read(self, protocol: ScoringProtocol) -> ProtocolValue:
        """The number that the protocol gives. Raises BadInput where it cannot be computed."""
        plain = self._without_idle_seed(protocol)
        if plain not in self._values:
            self._values[plain] = self._compute(plain)
        return self._values[plain]

    def _without_idle_seed(self, protocol: ScoringProtocol) -> ScoringProtocol:
        """The protocol, without its seed where the seed has no effect."""
        unseeded = replace(protocol, subset_seed=None)
        if protocol.subset_seed is None or unseeded.is_drawn:
            return protocol
        is_of_subsets = self.claim.metric in OF_SUBSETS and protocol.subset_seed.library == "numpy"
        return protocol if is_of_subsets else unseeded

    def _compute(self, protocol: ScoringProtocol) -> ProtocolValue:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Caveat)
            if protocol.sample_count.order == "extrapolated":
                return self._extrapolate(protocol)
            draws = range(DRAWS if protocol.is_drawn else 1)
            values = [self._value(protocol, draw) for draw in draws]
        return ProtocolValue(fmean(values), stdev(values) if len(values) > 1 else 0.0)

    def _value(self, protocol: ScoringProtocol, draw: int) -> float:
        estimators = estimators_of(self.claim.metric)
        seed = protocol.subset_seed
        number = seed.seed if seed and seed.library == "numpy" else None
        inputs = (
            self._pair_inputs(protocol, draw)
            if self.claim.is_of_pairs
            else self._set_inputs(protocol, draw)
        )
        return estimators[protocol.estimator](inputs, number)

    def _extrapolate(self, protocol: ScoringProtocol) -> ProtocolValue:
        """The distance extrapolated to the protocol's sample count (see `frechet_infinity`)."""
        if protocol.estimator != next(iter(estimators_of(self.claim.metric))):
            raise BadInput("only the distance itself is extrapolated")
        inputs = self._set_inputs(protocol, 0)
        limit = frechet_infinity(inputs["sample_features"], inputs["reference_features"])
        value = limit.estimate.value + limit.slope / protocol.sample_count.count
        return ProtocolValue(value, limit.estimate.stderr or 0.0)

    def _set_inputs(self, protocol: ScoringProtocol, draw: int) -> Mapping[str, Any]:
        reference = self.sources[protocol.reference]

        def features(side: str) -> Extracted:
            places = (self.samples,) if side == "samples" else reference.places
            if not places:
                raise BadInput(f"{reference.name}: statistics have no features of single images")
            parts = [self.images.features(place, side, protocol) for place in places]
            count = protocol.sample_count if side == "samples" else protocol.reference_count
            return _select(parts, count, protocol, draw)

        def statistics(side: str) -> Any:
            if side == "reference" and reference.statistics:
                return _whole(reference, protocol)
            return FeatureStatistics.of(features(side).pooled)

        return Lazy(
            {
                "sample_features": lambda: features("samples").pooled,
                "reference_features": lambda: features("reference").pooled,
                "sample_logits": lambda: _logits(features("samples")),
                "sample_statistics": lambda: statistics("samples"),
                "reference_statistics": lambda: statistics("reference"),
            }
        )

    def _pair_inputs(self, protocol: ScoringProtocol, draw: int) -> Mapping[str, Any]:
        (place,) = self.sources[protocol.reference].places
        sides = {"samples": self.samples, "reference": place}
        a, b = (self.images.pixels(at, side, protocol) for side, at in sides.items())
        if a.images.shape != b.images.shape:
            raise BadInput("pairs need as many images of one size on both sides")
        rows = protocol.sample_count.rows(len(a.images), protocol.subset_seed, draw)
        pick: Callable[[Tensor], Tensor] = (lambda x: x) if rows is None else (lambda x: x[rows])
        return Lazy(
            {
                "reconstructions": lambda: pick(a.images),
                "originals": lambda: pick(b.images),
                "perceptual_distances": lambda: pick(self.images.distances(a, b, protocol.network)),
            }
        )


class Lazy(Mapping[str, Any]):
    """Inputs that are computed when they are asked for."""

    def __init__(self, functions: Mapping[str, Callable[[], Any]]) -> None:
        self._functions = functions

    def __getitem__(self, name: str) -> Any:
        return self._functions[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)


def _select(
    parts: list[Extracted], count: ImageCount, protocol: ScoringProtocol, draw: int
) -> Extracted:
    """The features of the images that the protocol uses."""
    pooled = torch.cat([part.pooled for part in parts])
    logits = None
    if all(part.logits is not None for part in parts):
        logits = torch.cat([_logits(part) for part in parts])
    rows = count.rows(len(pooled), protocol.subset_seed, draw)
    if rows is None:
        return Extracted(pooled, logits)
    return Extracted(pooled[rows], None if logits is None else logits[rows])


def _logits(features: Extracted) -> Tensor:
    if features.logits is None:
        raise BadInput("the network has no logits, which the inception score needs")
    return features.logits


def _whole(reference: ReferenceSource, protocol: ScoringProtocol) -> Any:
    if protocol.reference_count.order != "all":
        raise BadInput(f"{reference.name}: statistics have no subsets")
    return reference.statistics
