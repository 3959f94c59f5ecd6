"""A frozen network whose features a loss compares images by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import torch
from torch import nn

from harness.networks.weight_files import LocalWeights


class FeatureNetwork(ABC):
    """A network by its `name`, and the eight digits of its weights that stand in labels."""

    def __init__(self, name: str, digest: str) -> None:
        self.name, self.digest = name, digest

    @abstractmethod
    def check(self, channels: int, size: int) -> None:
        """Raise BadInput where it cannot take images of `channels` and `size` pixels a side."""

    @abstractmethod
    def weights(self) -> LocalWeights:
        """Where its weights are, fetched if they can be. BadInput where they cannot."""

    @abstractmethod
    def read(self, path: Path) -> nn.Module:
        """The network with the weights at `path`: images N×C×S×S in [-1, 1] → a list of feature
        maps N×C'×H×W.
        """

    def load(self, device: torch.device | str) -> nn.Module:
        """The network on a device, in evaluation mode, without gradients of its weights."""
        return self.read(self.weights().path).requires_grad_(False).eval().to(device)
