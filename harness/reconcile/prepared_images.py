"""The pixels and features of both sides; each set of pixels meets each network once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from harness.data.base import image_digest
from harness.data.images_on_disk import OpenOptions
from harness.data.imageset import open_images
from harness.evaluation import feature_cache
from harness.extractors import load_extractor, load_perceptual
from harness.extractors.base import Extracted
from harness.reconcile.preparation import Preparation, PreparedImage, crop_again, encode
from harness.reconcile.protocol import ScoringProtocol

KEPT_SETS = 6
"""Sets of pixels that are kept in memory."""


@dataclass(frozen=True, eq=False)
class PreparedPixels:
    """Prepared images of one side, uint8 N×C×H×W, and the digest of their content."""

    images: Tensor
    digest: str


@dataclass(eq=False)
class PreparedImages:
    """Prepares images as protocols say, at `size` pixels a side (0: sizes are left as they are),
    and keeps the outputs of networks by the digest of the pixels and the network.
    """

    size: int
    root: Path | None = None
    device: str = "cpu"
    _pixels: dict[Preparation, PreparedPixels] = field(default_factory=dict)
    _features: dict[tuple[str, str], Extracted] = field(default_factory=dict)
    _digests: dict[Preparation, str] = field(default_factory=dict)
    _distances: dict[tuple[str, str, str], Tensor] = field(default_factory=dict)

    def distances(self, a: PreparedPixels, b: PreparedPixels, network: str) -> Tensor:
        """The perceptual distance of each pair, float32 N, through the network."""
        key = (a.digest, b.digest, network)
        if key not in self._distances:
            loaded = load_perceptual(network, self.device)
            self._distances[key] = loaded.distance(a.images, b.images)
        return self._distances[key]

    def features(self, place: str, side: str, protocol: ScoringProtocol) -> Extracted:
        """The outputs of the protocol's network for the images at a place. `side` is "samples" or
        "reference". Raises BadInput where they cannot be read.
        """
        steps = Preparation.of(place, side, protocol)
        if steps not in self._digests:
            self._digests[steps] = self._prepare(steps).digest
        key = (self._digests[steps], protocol.network)
        if key not in self._features:
            images = self._prepare(steps).images
            loaded = load_extractor(protocol.network, self.device)
            self._features[key] = feature_cache.extract(loaded, images, torch.device(self.device))
        return self._features[key]

    def pixels(self, place: str, side: str, protocol: ScoringProtocol) -> PreparedPixels:
        """The images at a place, prepared as the protocol says. Raises BadInput where they cannot
        be read.
        """
        return self._prepare(Preparation.of(place, side, protocol))

    def _prepare(self, steps: Preparation) -> PreparedPixels:
        """The prepared pixels, which are kept in memory."""
        if steps not in self._pixels:
            while len(self._pixels) >= KEPT_SETS:
                self._pixels.pop(next(iter(self._pixels)))
            images = self._read(steps)
            self._pixels[steps] = PreparedPixels(images, image_digest(images))
        return self._pixels[steps]

    def _read(self, steps: Preparation) -> Tensor:
        how = f"{steps.crop}|{steps.resize}"
        resize = PreparedImage(self.size, how) if self.size else None
        images = open_images(steps.place, OpenOptions(self.root, resize, at_least=1)).images
        if steps.kept < 1:
            images = crop_again(images, steps.kept, steps.resize)
        return encode(images, steps.encoding)
