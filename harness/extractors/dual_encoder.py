"""`dual-encoder:shapes`: a small network trained by this project on `shapes` and its texts.

CLIP score and R-precision mean something by it: CLIP itself hardly tells rotated figures of 32
pixels apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.extractors.base import TextImage
from harness.extractors.images import in_batches, on_device
from harness.extractors.source import ExtractorSource
from harness.networks.tower_weights import check_tower_fits, pinned_tower
from harness.networks.towers import load_dual_encoder

BATCH = 500


class InDomainDualEncoder(TextImage):
    """Images and texts of one dataset in one space."""

    preprocessing = "native"

    def __init__(self, name: str, device: str) -> None:
        weights = pinned_tower(name)
        self.name = name
        self.digest = weights.digest
        self._device = device
        self._network = on_device(load_dual_encoder(weights.path), device)

    def check(self, channels: int, size: int) -> None:
        """Only images like those it was trained on."""
        check_tower_fits(self.name, channels, size)

    def embed_images(self, images: Tensor) -> Tensor:
        """Unit vectors N×64, float32 on the CPU, of uint8 images N×C×H×W."""
        self.check_shape(*images.shape[1:])
        return in_batches(
            lambda x: self._network.embed_images(x / 255), BATCH, self._device, images
        )

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Unit vectors N×64, float32 on the CPU. Raises BadInput for a text with a word that the
        dataset's texts do not have, or with more words than they have.
        """
        if not texts:
            raise BadInput("there are no texts to embed")
        ids = self._network.tokenizer.encode(texts)
        with torch.no_grad():
            parts = [
                self._network.embed_tokens(x.to(self._device)) for x in torch.split(ids, BATCH)
            ]
        return torch.cat(parts).cpu()


TEXT_IMAGE: ExtractorSource[TextImage] = ExtractorSource(
    pinned_tower, InDomainDualEncoder, check_tower_fits
)
