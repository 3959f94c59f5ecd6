"""The factors of images of `shapes`, by an exact rule."""

from __future__ import annotations

from torch import Tensor

from harness.core.errors import BadInput
from harness.core.keys import digest
from harness.data.generated import sprites
from harness.data.generated.sprite_reading import read_sprite_factors
from harness.extractors.base import FactorReader
from harness.extractors.source import ExtractorSource

RENDERING = "rendering:shapes"
VERSION = 1
"""Raised with every change of the rule or of a pixel of `shapes`."""


class SpriteRendering(FactorReader):
    """The factors of the nearest of all images that there can be, by all pixels: no network, and
    right on every image of the dataset.
    """

    preprocessing = "native"

    def __init__(self, name: str, device: str) -> None:
        self.name = name
        self.digest = digest([RENDERING, VERSION, *sprites.VALUES])[:8]

    def check(self, channels: int, size: int) -> None:
        """Images of three channels, of any size."""
        if channels != 3:
            raise BadInput(f"{self.name} takes images of 3 channels, not {channels}")

    def read(self, images: Tensor) -> Tensor:
        """Factors int64 N×6 of uint8 images N×3×S×S."""
        self.check_shape(*images.shape[1:])
        return read_sprite_factors(images)


RENDERING_SOURCE: ExtractorSource[FactorReader] = ExtractorSource(
    lambda name: None, SpriteRendering
)
