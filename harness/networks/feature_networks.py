"""Frozen networks whose features losses compare images by.

They have the names of extractors. The digest of the weights says whether a model was trained on the
network that it is measured with.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.networks.classifier_net import ClassifierNet, load_classifier
from harness.networks.classifier_weights import (
    DIGESTS,
    PREFIX,
    check_classifier_fits,
    pinned_weights,
)
from harness.networks.feature_network import FeatureNetwork
from harness.networks.weight_files import LocalWeights, WeightsFile, load_tensors, locate_weights

VGG16_SHA256 = "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"


def vgg16_file() -> WeightsFile:
    """The published weights of VGG-16, as torchvision knows them; that is slow to import."""
    from torchvision.models import VGG16_Weights  # noqa: PLC0415

    return WeightsFile(VGG16_Weights.IMAGENET1K_V1.url, VGG16_SHA256)


class ClassifierFeatures(FeatureNetwork):
    """The stages of an in-domain classifier, for images like those that it was trained on."""

    def __init__(self, dataset: str) -> None:
        super().__init__(PREFIX + dataset, DIGESTS[dataset][:8])

    def check(self, channels: int, size: int) -> None:
        """Only images like those it was trained on."""
        check_classifier_fits(self.name, channels, size)

    def weights(self) -> LocalWeights:
        """The committed file."""
        return pinned_weights(self.name)

    def read(self, path: Path) -> nn.Module:
        """The outputs of all stages."""
        return _Stages(load_classifier(path))


class VGGFeatures(FeatureNetwork):
    """Five layers of VGG-16 as trained on ImageNet, as Johnson et al. 2016 (arXiv:1603.08155) and
    LPIPS compare images by.
    """

    def __init__(self) -> None:
        super().__init__("lpips:vgg", VGG16_SHA256[:8])

    def check(self, channels: int, size: int) -> None:
        """Grey and RGB images of 16 pixels a side or more."""
        if channels not in (1, 3) or size < 16:
            raise BadInput(
                f"{self.name} takes grey or RGB images of at least 16×16 pixels, not"
                f" {channels}×{size}×{size}"
            )

    def weights(self) -> LocalWeights:
        """The published file."""
        return locate_weights(vgg16_file())

    def read(self, path: Path) -> nn.Module:
        """The rectified outputs of the last convolution before each pooling."""
        from torchvision.models import vgg16  # noqa: PLC0415 - as above

        network = vgg16(weights=None)
        network.load_state_dict(load_tensors(path))
        return _Layers(network.features)


class _Stages(nn.Module):
    def __init__(self, network: ClassifierNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> list[Tensor]:
        return self.network.activations((x + 1) / 2)


class _Layers(nn.Module):
    """The parts of VGG-16 between its poolings, on images of ImageNet's mean and deviation."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.parts = nn.ModuleList()
        part: list[nn.Module] = []
        for layer in layers:
            if isinstance(layer, nn.MaxPool2d):
                self.parts.append(nn.Sequential(*part))
                part = []
            part.append(layer)
        for name, values in (
            ("mean", (0.485, 0.456, 0.406)),
            ("deviation", (0.229, 0.224, 0.225)),
        ):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        x = ((x.expand(-1, 3, -1, -1) + 1) / 2 - self.mean) / self.deviation
        features = []
        for part in self.parts:
            x = part(x)
            features.append(x)
        return features


_NETWORKS: tuple[FeatureNetwork, ...] = (*map(ClassifierFeatures, DIGESTS), VGGFeatures())
FEATURE_NETWORKS: Mapping[str, FeatureNetwork] = {network.name: network for network in _NETWORKS}
"""By the name that recipes give as `features:`."""
