"""`dinov2` and `dinov2:NAME`: self-supervised features, through transformers.

Oquab et al. 2023, arXiv:2304.07193; recommended for the evaluation of generative models by Stein
et al. 2023, arXiv:2306.04675. NAME is a repository of the Hugging Face hub, or a folder below
`HARNESS_WEIGHTS` in the same layout.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from harness.extractors.base import Extracted, Extractor
from harness.extractors.images import (
    check_rgb,
    imagenet_normalised,
    in_batches,
    resize_bicubic,
    to_rgb,
)
from harness.extractors.source import ExtractorSource
from harness.networks import hub
from harness.networks.weight_files import LocalWeights

DEFAULT = "facebook/dinov2-large"
"""ViT-L/14, the default of Stein et al.'s code, dgm-eval."""

SIZE = 224


class Dinov2(Extractor):
    """The CLS token after the last layer norm: N×1024 for ViT-L/14.

    As dgm-eval without its option `clean_resize` computes it: images are resized to 224×224 with
    Pillow's bicubic filter, which rounds to uint8, and normalised with ImageNet's mean and standard
    deviation; position embeddings are resized as DINOv2's own code does.
    """

    preprocessing = f"rgb-pil-bicubic-{SIZE}"

    def __init__(self, name: str, device: str) -> None:
        repository = hub.repository_name(name, DEFAULT)
        weights = hub.locate_repository(name, repository, ("config.json",))
        network = hub.load_network(name, weights, "Dinov2Model", "dinov2")
        embeddings = network.embeddings
        positions = fit_positions(embeddings.position_embeddings, SIZE // network.config.patch_size)
        embeddings.position_embeddings = nn.Parameter(positions, requires_grad=False)
        self.name = f"dinov2:{repository}"
        self.digest = weights.digest
        self._device = device
        self._network = network.to(device)

    def check(self, channels: int, size: int) -> None:
        """Any size will do; grey images are repeated to RGB."""
        check_rgb(self.name, channels, size)

    def extract(self, images: Tensor) -> Extracted:
        """`pooled` N×d of uint8 images N×C×H×W; no logits."""
        return Extracted(in_batches(self._cls_token, 64, "cpu", images))

    def _cls_token(self, images: Tensor) -> Tensor:
        resized = resize_bicubic(to_rgb(images), SIZE).to(self._device)
        pooled: Tensor = self._network(imagenet_normalised(resized)).pooler_output
        return pooled


def fit_positions(positions: Tensor, grid: int) -> Tensor:
    """Position embeddings 1×(1 + g₀²)×d, the first of the CLS token, for a grid of g×g patches.

    They are interpolated with the scale (g + 0.1) / g₀, as in DINOv2's code (`interpolate_offset`,
    there to keep rounding from losing a patch). transformers interpolates with g / g₀, which
    samples slightly other places.
    """
    before = math.isqrt(positions.shape[1] - 1)
    if before == grid:
        return positions
    squares = positions[:, 1:].reshape(1, before, before, -1).permute(0, 3, 1, 2)
    scale = (grid + 0.1) / before
    fitted = nn.functional.interpolate(squares, scale_factor=(scale, scale), mode="bicubic")
    return torch.cat((positions[:, :1], fitted.permute(0, 2, 3, 1).flatten(1, 2)), dim=1)


def _preflight(name: str) -> LocalWeights:
    return hub.locate_repository(name, hub.repository_name(name, DEFAULT), ("config.json",))


SOURCE: ExtractorSource[Extractor] = ExtractorSource(_preflight, Dinov2, check_rgb)
