"""`identity`: the numbers themselves as features, for points in the plane and what is no image."""

from __future__ import annotations

from torch import Tensor

from harness.data.pixels import to_float
from harness.extractors.base import Extracted, Extractor
from harness.extractors.source import ExtractorSource


class IdentityExtractor(Extractor):
    """All C·S·S values of an image in [-1, 1], as they are: `pooled` N×C·S·S."""

    digest = ""
    preprocessing = ""
    takes_numbers = True

    def __init__(self, name: str, _device: str) -> None:
        self.name = name

    @property
    def label(self) -> str:
        """There are no weights to have a digest."""
        return self.name

    def check(self, channels: int, size: int) -> None:
        """Takes everything."""

    def extract(self, images: Tensor) -> Extracted:
        """uint8 or float32 images N×C×S×S → N×C·S·S."""
        return Extracted(to_float(images).flatten(1))


def _preflight(_name: str) -> None:
    """There are no weights to look for."""


SOURCE: ExtractorSource[Extractor] = ExtractorSource(_preflight, IdentityExtractor)
