"""`random:ARCH`: the features of an untrained network, for comparisons with trained ones.

Naeem et al. 2020, arXiv:2002.09797, use such features where data is unlike ImageNet.
"""

from __future__ import annotations

import hashlib
import warnings

import torch
from torch import Tensor, nn
from torchvision import models

from harness.core.errors import BadInput, suggest
from harness.core.seeding import derive
from harness.extractors.base import Extracted, Extractor
from harness.extractors.images import (
    check_rgb,
    imagenet_normalised,
    in_batches,
    on_device,
    resize_bicubic,
    to_rgb,
)
from harness.extractors.source import ExtractorSource

SIZE = 224


class RandomNetwork(Extractor):
    """The input of the last linear layer of a torchvision classifier with random weights: N×d.

    Weights are drawn as torchvision does, from a seed that the architecture's name fixes; batch
    normalisation has its initial statistics. `digest` is that of the weights. These may differ in
    their last bits between machines and versions of torch, so numbers are only comparable at equal
    digests. Images are resized to 224×224 and normalised as for ImageNet.
    """

    preprocessing = f"rgb-pil-bicubic-{SIZE}"
    comparable = False

    def __init__(self, name: str, device: str) -> None:
        network = _untrained(_architecture(name))
        self.name = name
        self.digest = _digest(network)
        _remove_head(name, network)
        self._device = device
        self._network = on_device(network, device)

    def check(self, channels: int, size: int) -> None:
        """Any size will do; grey images are repeated to RGB."""
        check_rgb(self.name, channels, size)

    def extract(self, images: Tensor) -> Extracted:
        """`pooled` N×d of uint8 images N×C×H×W; no logits."""
        return Extracted(in_batches(self._pooled, 64, "cpu", images))

    def _pooled(self, images: Tensor) -> Tensor:
        resized = resize_bicubic(to_rgb(images), SIZE).to(self._device)
        pooled: Tensor = self._network(imagenet_normalised(resized))
        return pooled


def _architecture(name: str) -> str:
    """The ARCH of `random:ARCH`; BadInput where torchvision has no such classifier."""
    architecture = name.partition(":")[2]
    classifiers = models.list_models(module=models)
    if architecture not in classifiers:
        hint = suggest(architecture, classifiers) if architecture else ", such as random:resnet18"
        raise BadInput(f"{name} does not name a classifier of torchvision{hint}")
    return architecture


def _untrained(architecture: str) -> nn.Module:
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        # Two of them warn that the way they draw their weights will change.
        warnings.filterwarnings("ignore", category=FutureWarning, module="torchvision")
        # torchvision draws from torch's global generator: it is set for the while and put back.
        torch.default_generator.manual_seed(derive(0, "random", architecture))
        network: nn.Module = models.get_model(architecture, weights=None)
    return network


def _remove_head(name: str, network: nn.Module) -> None:
    linear = [path for path, layer in network.named_modules() if type(layer) is nn.Linear]
    if not linear:
        raise BadInput(f"{name} has no linear layer whose inputs could be its features")
    network.set_submodule(linear[-1], nn.Identity())


def _digest(network: nn.Module) -> str:
    sha = hashlib.sha256()
    for key, value in network.state_dict().items():
        sha.update(f"{key} {tuple(value.shape)}".encode())
        sha.update(value.contiguous().numpy().data)
    return sha.hexdigest()[:8]


def _preflight(name: str) -> None:
    _architecture(name)


SOURCE: ExtractorSource[Extractor] = ExtractorSource(_preflight, RandomNetwork, check_rgb)
