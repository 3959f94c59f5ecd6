"""`lpips:…`: the learned perceptual distance of Zhang et al. 2018, through the lpips package."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import lpips
import torch
from torch import Tensor
from torchvision.models import AlexNet_Weights, SqueezeNet1_1_Weights

from harness.core.errors import BadInput
from harness.extractors.base import Perceptual
from harness.extractors.images import check_rgb, in_batches, on_device, to_rgb
from harness.extractors.source import ExtractorSource
from harness.networks import weight_files
from harness.networks.feature_networks import vgg16_file
from harness.networks.weight_files import LocalWeights, WeightsFile


@dataclass(frozen=True)
class Trunk:
    """The ImageNet network below LPIPS's weights, and the smallest images it can take."""

    weights: WeightsFile
    smallest: int


TRUNKS = {
    "alex": Trunk(
        WeightsFile(
            AlexNet_Weights.IMAGENET1K_V1.url,
            "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        ),
        smallest=31,
    ),
    "vgg": Trunk(
        vgg16_file(),
        smallest=16,
    ),
    "squeeze": Trunk(
        WeightsFile(
            SqueezeNet1_1_Weights.IMAGENET1K_V1.url,
            "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
        ),
        smallest=17,
    ),
}


PIXELS = 2**20
"""Pixels a batch: nothing is resized, so activations grow with the images. VGG's take 2 GB."""


class Lpips(Perceptual):
    """arXiv:1801.03924, eq. 1, version 0.1: the linear weights come inside the lpips package.

    `digest` is that of the trunk's file. Grey images are repeated to RGB; nothing is resized.
    """

    preprocessing = "v0.1"

    def __init__(self, name: str, device: str) -> None:
        self.name = name
        self._trunk = _trunk(name)
        self.digest = self._trunk.weights.digest
        self._device = device
        self._network = on_device(_network(name.removeprefix("lpips:"), self._trunk), device)

    def check(self, channels: int, size: int) -> None:
        """Below a size that depends on the trunk, its last layers would have no pixel left."""
        _fits(self.name, channels, size)

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """N distances of uint8 images N×C×H×W."""
        self.check_shape(*a.shape[1:])
        return in_batches(self._distance, 64, self._device, a, b, pixels=PIXELS, unrounded=True)

    def distance_map(self, a: Tensor, b: Tensor) -> Tensor:
        """The distances before positions are averaged, N×H×W."""
        self.check_shape(*a.shape[1:])
        return in_batches(self._map, 64, self._device, a, b, pixels=PIXELS, unrounded=True)

    def _distance(self, a: Tensor, b: Tensor) -> Tensor:
        distances: Tensor = self._network(to_rgb(a) / 127.5 - 1, to_rgb(b) / 127.5 - 1)
        return distances.flatten()

    def _map(self, a: Tensor, b: Tensor) -> Tensor:
        self._network.spatial = True
        try:
            maps: Tensor = self._network(to_rgb(a) / 127.5 - 1, to_rgb(b) / 127.5 - 1)
        finally:
            self._network.spatial = False
        return maps[:, 0]


def _fits(name: str, channels: int, size: int) -> None:
    check_rgb(name, channels, size, _trunk(name).smallest)


def _trunk(name: str) -> Trunk:
    return TRUNKS[name.removeprefix("lpips:")]


def _network(net: str, trunk: Trunk) -> lpips.LPIPS:
    path = weight_files.locate_weights(trunk.weights).path
    weights = weight_files.load_tensors(path)
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        # It builds torchvision's networks in a way that torchvision has deprecated.
        warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")
        network = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    # Its slices keep the layers' numbers: `slice2.3.weight` is torchvision's `features.3.weight`.
    try:
        network.net.load_state_dict(
            {key: weights[f"features.{key.partition('.')[2]}"] for key in network.net.state_dict()}
        )
    except (KeyError, RuntimeError) as error:
        raise BadInput(f"{path} does not hold the weights of {net}: {error}") from error
    return network


def _preflight(name: str) -> LocalWeights:
    return weight_files.locate_weights(_trunk(name).weights)


SOURCE: ExtractorSource[Perceptual] = ExtractorSource(_preflight, Lpips, _fits)
