"""LPIPS on networks with random weights: no download, and two networks differ as trained ones do.

`random_perceptuals:ALEX` and `random_perceptuals:VGG` are names of perceptual networks.
"""

from __future__ import annotations

import warnings

import lpips
import torch

from harness.extractors.base import Perceptual
from harness.extractors.images import check_rgb, on_device
from harness.extractors.lpips_networks import Lpips
from harness.extractors.source import ExtractorSource


class RandomLpips(Lpips):
    """LPIPS's linear weights on a trunk that torch draws from seed 0."""

    digest = "random-0"

    def __init__(self, name: str, device: str) -> None:
        self.name = name
        self._device = device
        net = name.rpartition(":")[2].lower()
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")
            torch.manual_seed(0)
            network = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
        self._network = on_device(network, device)

    def check(self, channels: int, size: int) -> None:
        """RGB or grey images of 32 pixels a side or more."""
        check_rgb(self.name, channels, size, 32)


def _preflight(_: str) -> None:
    """There are no weights to look for."""


ALEX: ExtractorSource[Perceptual] = ExtractorSource(_preflight, RandomLpips)
VGG: ExtractorSource[Perceptual] = ExtractorSource(_preflight, RandomLpips)
