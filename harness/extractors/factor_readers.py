"""The factors of images of `shapes`: by an exact rule, and by a small network trained on them."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.core.keys import digest
from harness.data.generated import sprites
from harness.data.generated.sprite_reading import read_sprite_factors
from harness.extractors.base import Extracted, Extractor, FactorReader
from harness.extractors.images import in_batches, on_device
from harness.extractors.source import ExtractorSource
from harness.networks.tower_weights import check_tower_fits, pinned_tower
from harness.networks.towers import load_factor_net

RENDERING = "rendering:shapes"
VERSION = 1
"""Raised with every change of the rule or of a pixel of `shapes`."""
BATCH = 500


class SpriteRendering(FactorReader):
    """Reads the factors of the nearest, by all pixels, of the images that the dataset can have. It
    is no network, and right on every image of the dataset.
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


class FactorClassifier(Extractor, FactorReader):
    """A network with a classifier for each factor on common features."""

    preprocessing = "native"
    has_logits = True

    def __init__(self, name: str, device: str) -> None:
        weights = pinned_tower(name)
        self.name = name
        self.digest = weights.digest
        self._device = device
        self._network = on_device(load_factor_net(weights.path), device)

    def check(self, channels: int, size: int) -> None:
        """Only images like those it was trained on."""
        check_tower_fits(self.name, channels, size)

    def extract(self, images: Tensor) -> Extracted:
        """`pooled` N×128, and `logits` N×4 of the shape, which is the class."""
        pooled, logits = self._pass(images)
        return Extracted(pooled, logits[0])

    def read(self, images: Tensor) -> Tensor:
        """Factors int64 N×6 of uint8 images N×3×32×32."""
        return torch.stack([logits.argmax(dim=1) for logits in self._pass(images)[1]], dim=1)

    def _pass(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Features, and for each factor the logits of its values."""
        self.check_shape(*images.shape[1:])
        pooled = in_batches(lambda x: self._network.image(x / 255), BATCH, self._device, images)
        with torch.no_grad():
            logits = self._network.logits(pooled.to(self._device))
        return pooled, [part.cpu() for part in logits]


RENDERING_SOURCE: ExtractorSource[FactorReader] = ExtractorSource(
    lambda name: None, SpriteRendering
)
CLASSIFIER_SOURCE: ExtractorSource[FactorReader] = ExtractorSource(
    pinned_tower, FactorClassifier, check_tower_fits
)
EXTRACTOR: ExtractorSource[Extractor] = ExtractorSource(
    pinned_tower, FactorClassifier, check_tower_fits
)
