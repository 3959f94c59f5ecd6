"""Inception v3 with the weights of the original FID, through torch-fidelity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_fidelity.feature_extractor_inceptionv3 import (
    URL_INCEPTION_V3,
    FeatureExtractorInceptionV3,
)
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

from harness.core.errors import BadInput
from harness.extractors.base import Extracted, Extractor
from harness.extractors.images import (
    check_rgb,
    in_batches,
    on_device,
    resize_bicubic_unrounded,
    to_rgb,
)
from harness.extractors.source import ExtractorSource
from harness.networks import weight_files
from harness.networks.weight_files import LocalWeights, WeightsFile

WEIGHTS = WeightsFile(
    URL_INCEPTION_V3, "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
)
POOLED = 2048
SPATIAL_BLOCK, SPATIAL_CHANNELS = "Mixed_6d", 7
SPATIAL_LABEL = "inception-tf2015-spatial"
SIDE = 299


class InceptionResize(NamedTuple):
    """How uint8 images N×3×H×W become float32 N×3×299×299, which moves every number."""

    preprocessing: str
    images: Callable[[Tensor], Tensor]


def _tf1_bilinear(images: Tensor) -> Tensor:
    resized: Tensor = interpolate_bilinear_2d_like_tensorflow1x(
        images.float(), size=(SIDE, SIDE), align_corners=False
    )
    return resized


def _pil_bicubic(images: Tensor) -> Tensor:
    return resize_bicubic_unrounded(images, SIDE).to(images.device)


def _antialiased_bilinear(images: Tensor) -> Tensor:
    return F.interpolate(images.float(), (SIDE, SIDE), mode="bilinear", antialias=True)


RESIZES = {
    "inception": InceptionResize("tf1-bilinear", _tf1_bilinear),
    "inception:pil-bicubic": InceptionResize(f"pil-bicubic-{SIDE}", _pil_bicubic),
    "inception:antialiased": InceptionResize(f"antialiased-bilinear-{SIDE}", _antialiased_bilinear),
}
"""By the extractor's name. As the original FID, which means TensorFlow 1: bilinear, without
antialiasing, corner on corner; as clean-fid (Parmar et al. 2022, arXiv:2104.11222); as
torchmetrics.
"""


class Inception(Extractor):
    """Pooled features N×2048 and unbiased logits N×1008, with torch-fidelity's network."""

    has_logits = True

    def __init__(self, name: str, device: str) -> None:
        self.name = name
        self.preprocessing, self._resize = RESIZES[name]
        self.digest = WEIGHTS.digest
        self._device = device
        *self._blocks, self._head = on_device(_read_network(), device).children()

    @property
    def label(self) -> str:
        """Which of the many Inceptions this is: that of the FID paper and all that follow it."""
        return f"inception-tf2015@{self.digest}"

    def check(self, channels: int, size: int) -> None:
        """Any size will do; grey images are repeated to RGB."""
        check_rgb(self.name, channels, size)

    def extract(self, images: Tensor) -> Extracted:
        """`pooled` N×2048 and `logits` N×1008 of uint8 images N×C×H×W."""
        both = in_batches(self._both, 64, self._device, images)
        return Extracted(both[:, :POOLED], both[:, POOLED:])

    def _both(self, images: Tensor) -> Tensor:
        x = (self._resize(to_rgb(images)) - 128) / 128
        for block in self._blocks:
            x = block(x)
        pooled = x.flatten(1)
        return torch.cat([pooled, pooled @ self._head.weight.T], dim=1)


class SpatialInception(Extractor):
    """What sFID compares (Nash et al. 2021, arXiv:2103.03841), as the evaluator of ADM has it
    (Dhariwal & Nichol 2021, arXiv:2105.05233): the first 7 channels of the 17×17 maps that the 1×1
    branch of the seventh mixed block gives, `mixed_6/conv` in TensorFlow's graph; N×2023, channels
    last.
    """

    def __init__(self, name: str, device: str) -> None:
        self.name = name
        self.preprocessing, self._resize = RESIZES["inception"]
        self.digest = WEIGHTS.digest
        self._device = device
        network = on_device(_read_network(), device)
        blocks = dict(network.named_children())
        names = list(blocks)
        self._blocks = [blocks[block] for block in names[: names.index(SPATIAL_BLOCK)]]
        self._branch = blocks[SPATIAL_BLOCK].branch1x1

    @property
    def label(self) -> str:
        """As of `Inception`, for these features."""
        return f"{SPATIAL_LABEL}@{self.digest}"

    def check(self, channels: int, size: int) -> None:
        """Any size will do; grey images are repeated to RGB."""
        check_rgb(self.name, channels, size)

    def extract(self, images: Tensor) -> Extracted:
        """`pooled` N×2023 of uint8 images N×C×H×W."""
        return Extracted(in_batches(self._maps, 64, self._device, images))

    def _maps(self, images: Tensor) -> Tensor:
        x = (self._resize(to_rgb(images)) - 128) / 128
        for block in self._blocks:
            x = block(x)
        maps: Tensor = self._branch(x)[:, :SPATIAL_CHANNELS]
        return maps.permute(0, 2, 3, 1).flatten(1)


def _read_network() -> Any:
    """torch-fidelity's network with the weights of the original FID, on the CPU."""
    path = weight_files.locate_weights(WEIGHTS).path
    # torch-fidelity reads the file as a pickle that may run code: read it without first, which
    # fails if there is any.
    weight_files.load_tensors(path)
    try:
        with torch.random.fork_rng(devices=[]):
            return FeatureExtractorInceptionV3(
                "inception", [str(POOLED), "logits_unbiased"], str(path)
            )
    except RuntimeError as error:
        raise BadInput(f"{path} does not hold the weights of Inception v3: {error}") from error


def _preflight(name: str) -> LocalWeights:
    return weight_files.locate_weights(WEIGHTS)


SOURCE: ExtractorSource[Extractor] = ExtractorSource(_preflight, Inception, check_rgb)
SPATIAL: ExtractorSource[Extractor] = ExtractorSource(_preflight, SpatialInception, check_rgb)
