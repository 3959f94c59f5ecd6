"""Inception v3 with the weights of the original FID, through torch-fidelity."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_fidelity.feature_extractor_inceptionv3 import (
    URL_INCEPTION_V3,
    FeatureExtractorInceptionV3,
)

from harness.extractors import weight_files
from harness.extractors.base import Extracted, Extractor
from harness.extractors.images import check_rgb, in_batches, on_device, to_rgb
from harness.extractors.source import Source
from harness.extractors.weight_files import LocalWeights, WeightsFile
from harness.spec.errors import BadInput

WEIGHTS = WeightsFile(URL_INCEPTION_V3)
POOLED = 2048


class Inception(Extractor):
    """Pooled features N×2048 and unbiased logits N×1008, as torch-fidelity computes them.

    Images are resized to 299×299 as TensorFlow 1 did, inside the network: bilinear, without
    antialiasing, to float32.
    """

    name = "inception"
    preprocessing = "tf1-bilinear"
    has_logits = True

    def __init__(self, device: str) -> None:
        path = weight_files.obtain(WEIGHTS).path
        # torch-fidelity reads the file as a pickle that may run code: read it without first, which
        # fails if there is any.
        weight_files.load_tensors(path)
        try:
            with torch.random.fork_rng(devices=[]):
                network = FeatureExtractorInceptionV3(
                    "inception", [str(POOLED), "logits_unbiased"], str(path)
                )
        except RuntimeError as error:
            raise BadInput(f"{path} does not hold the weights of Inception v3: {error}") from error
        self.digest = WEIGHTS.digest
        self._device = device
        self._network = on_device(network, device)

    @property
    def label(self) -> str:
        """Which of the many Inceptions this is: that of the FID paper and all that follow it."""
        return f"inception-tf2015@{self.digest}"

    def check(self, channels: int, size: int) -> None:
        """Any size will do; grey images are repeated to RGB."""
        check_rgb("inception", channels, size)

    def extract(self, images: Tensor) -> Extracted:
        """`pooled` N×2048 and `logits` N×1008 of uint8 images N×C×H×W."""
        both = in_batches(self._both, 64, self._device, images)
        return Extracted(both[:, :POOLED], both[:, POOLED:])

    def _both(self, images: Tensor) -> Tensor:
        return torch.cat(self._network(to_rgb(images)), dim=1)


def _preflight(name: str) -> LocalWeights:
    return weight_files.obtain(WEIGHTS)


SOURCE: Source[Extractor] = Source(_preflight, lambda name, device: Inception(device))
