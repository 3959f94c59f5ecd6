"""What families have in common whose loss compares images by a frozen network's features."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from harness.families.base import Family
from harness.networks.feature_network import FeatureNetwork
from harness.networks.feature_networks import FEATURE_NETWORKS
from harness.objectives.reconstruction import perceptual_error


class FeatureLossFamily(Family):
    """A family whose settings may name such a network as `features`."""

    _features: nn.Module | None = None
    """The frozen network, once the model is on its device."""

    def check_features(self) -> None:
        """Raises BadInput where the network cannot take the images."""
        for network in self.frozen_networks():
            network.check(self.shape.channels, self.shape.size)

    def frozen_networks(self) -> tuple[FeatureNetwork, ...]:
        """The network of the loss, where there is one."""
        name = self.settings.features
        return (FEATURE_NETWORKS[name],) if name else ()

    def to(self, device: torch.device | str) -> None:
        """Moves all networks there, the frozen one of the loss too."""
        super().to(device)
        self._features = next((n.load(device) for n in self.frozen_networks()), None)

    def with_feature_error(self, error: Tensor, x: Tensor, made: Tensor) -> Tensor:
        """`error`, and the distance of the features of images x and `made` where a network is
        named, both 0-d.
        """
        if self._features is None:
            return error
        features: Any = self._features
        return error + perceptual_error(features, x, made)
