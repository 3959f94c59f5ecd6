"""`classifier:…`: small networks trained by this project on the data that they judge.

For small grey images they tell apart what Inception, trained on photographs, does not see.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.extractors.base import Extracted, Extractor, Network, Perceptual
from harness.extractors.images import in_batches, on_device
from harness.extractors.source import ExtractorSource
from harness.networks import classifier_net
from harness.networks.classifier_net import ClassifierNet
from harness.networks.classifier_weights import check_classifier_fits, pinned_weights
from harness.networks.sizes import enlarge_map

GREY = ("digits", "mnist", "mnist-16", "fashion-mnist", "fashion-mnist-16")
"""The networks of images of one channel."""

BATCH = 500


class _Loaded(Network):
    """The network behind `classifier:…`, and which images it takes."""

    def __init__(self, name: str, device: str) -> None:
        weights = pinned_weights(name)
        self.name = name
        self.digest = weights.digest
        self._device = device
        self._network: ClassifierNet = on_device(
            classifier_net.load_classifier(weights.path), device
        )

    def check(self, channels: int, size: int) -> None:
        """Only images like those it was trained on."""
        check_classifier_fits(self.name, channels, size)


class ClassifierExtractor(_Loaded, Extractor):
    """The features before the linear head, and the logits after it."""

    preprocessing = "native"
    has_logits = True

    def extract(self, images: Tensor) -> Extracted:
        """`pooled` N×64 (digits) or N×128, and `logits` N×classes."""
        self.check_shape(*images.shape[1:])
        pooled = in_batches(lambda x: self._network.pooled(x / 255), BATCH, self._device, images)
        with torch.no_grad():
            logits = self._network.head(pooled.to(self._device)).cpu()
        return Extracted(pooled, logits)


class ClassifierPerceptual(_Loaded, Perceptual):
    """LPIPS's distance on the classifier's stages, every channel weighing the same.

    Zhang et al. 2018, arXiv:1801.03924, eq. 1 with w = 1: features are scaled to unit length over
    the channels; the squared difference is summed over channels, averaged over positions and
    summed over stages. It is not calibrated on human judgements, hence "unweighted".
    """

    preprocessing = "unweighted"

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """N distances, 0 for equal images, of uint8 images N×C×H×W."""
        self.check_shape(*a.shape[1:])
        return in_batches(self._distance, BATCH, self._device, a, b, unrounded=True)

    def distance_map(self, a: Tensor, b: Tensor) -> Tensor:
        """The same before positions are averaged, N×H×W."""
        self.check_shape(*a.shape[1:])
        return in_batches(self._map, BATCH, self._device, a, b, unrounded=True)

    def _distance(self, a: Tensor, b: Tensor) -> Tensor:
        per_stage = [stage.mean(dim=(1, 2)) for stage in self._stages(a, b)]
        return torch.stack(per_stage).sum(dim=0)

    def _map(self, a: Tensor, b: Tensor) -> Tensor:
        maps = [enlarge_map(stage, a.shape[-2:]) for stage in self._stages(a, b)]
        return torch.stack(maps).sum(dim=0)

    def _stages(self, a: Tensor, b: Tensor) -> list[Tensor]:
        """The squared difference of the features of each stage, N×H'×W'."""
        stages = zip(
            self._network.activations(a / 255), self._network.activations(b / 255), strict=True
        )
        return [(_unit(x) - _unit(y)).square().sum(dim=1) for x, y in stages]


def _unit(x: Tensor) -> Tensor:
    # The lpips package's constant, for positions at which no feature is active.
    return x / (x.square().sum(dim=1, keepdim=True).sqrt() + 1e-10)


EXTRACTOR: ExtractorSource[Extractor] = ExtractorSource(
    pinned_weights, ClassifierExtractor, check_classifier_fits
)
PERCEPTUAL: ExtractorSource[Perceptual] = ExtractorSource(
    pinned_weights, ClassifierPerceptual, check_classifier_fits
)
