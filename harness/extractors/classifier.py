"""`classifier:…`: small networks trained by this project on the data that they judge.

For small grey images they tell apart what Inception, trained on photographs, does not see.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.core.files import file_sha256
from harness.extractors import classifier_net
from harness.extractors.base import Extracted, Extractor, Network, Perceptual
from harness.extractors.classifier_net import ClassifierNet
from harness.extractors.images import in_batches, on_device
from harness.extractors.source import ExtractorSource
from harness.extractors.weight_files import LocalWeights

DIGESTS = {
    "digits": "22a81ac03092dcd0d74cf3a77dbddb564127d340399e3d91f66d72d2cffe7f62",
    "mnist": "0be7fa127d484afc19e0ef66c6dc96533943513d9b6652d9d5dff44d5454e51f",
    "fashion-mnist": "e13439bbb4b3523e1966915ba48ea805b6c2585f8b4d1fbd6eaa2846488dc8ce",
    "cifar10": "fea1ddbcbf4ecb0e9240ed50dd6dfb8e34e998dbbe32e960cd28f61b1561cfe5",
}
"""The SHA-256 of each committed file: with other weights, numbers are not comparable."""

GREY = ("digits", "mnist", "fashion-mnist")
"""Those of images of one channel."""

BATCH = 500


def weights_path(name: str) -> Path:
    """Where the weights of the classifier of dataset `name` are committed."""
    return Path(__file__).parent / "weights" / f"{name}.safetensors"


class _Loaded(Network):
    """The network behind `classifier:…`, and which images it takes."""

    def __init__(self, name: str, device: str) -> None:
        weights = _pinned(name)
        self.name = name
        self.digest = weights.digest
        self._device = device
        self._network: ClassifierNet = on_device(
            classifier_net.load_classifier(weights.path), device
        )

    def check(self, channels: int, size: int) -> None:
        """Only images like those it was trained on."""
        _fits(self.name, channels, size)


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

    def _distance(self, a: Tensor, b: Tensor) -> Tensor:
        stages = zip(
            self._network.activations(a / 255), self._network.activations(b / 255), strict=True
        )
        per_stage = [(_unit(x) - _unit(y)).square().sum(dim=1).mean(dim=(1, 2)) for x, y in stages]
        return torch.stack(per_stage).sum(dim=0)


def _unit(x: Tensor) -> Tensor:
    # The lpips package's constant, for positions at which no feature is active.
    return x / (x.square().sum(dim=1, keepdim=True).sqrt() + 1e-10)


def _fits(name: str, channels: int, size: int) -> None:
    shape = _taken(name)
    if (channels, size, size) != shape:
        expected, actual = ("×".join(map(str, sides)) for sides in (shape, (channels, size, size)))
        raise BadInput(f"{name} takes {expected} images, not {actual}")


@cache
def _taken(name: str) -> tuple[int, int, int]:
    """Channels, height and width of the images that the network was trained on."""
    architecture = classifier_net.read_metadata(_path(name))["architecture"]
    return architecture["channels"], architecture["size"], architecture["size"]


def _path(name: str) -> Path:
    path = weights_path(name.removeprefix("classifier:"))
    if not path.is_file():
        raise BadInput(f"the weights of {name} are missing: {path}; reinstall the package")
    return path


def _pinned(name: str) -> LocalWeights:
    """The committed file behind `classifier:NAME`, once its digest has been checked."""
    dataset, path = name.removeprefix("classifier:"), _path(name)
    if (actual := file_sha256(path)) != DIGESTS[dataset]:
        expected = DIGESTS[dataset][:8]
        raise BadInput(f"{path} was changed: its SHA-256 starts with {actual[:8]}, not {expected}")
    return LocalWeights(path, actual)


EXTRACTOR: ExtractorSource[Extractor] = ExtractorSource(_pinned, ClassifierExtractor, _fits)
PERCEPTUAL: ExtractorSource[Perceptual] = ExtractorSource(_pinned, ClassifierPerceptual, _fits)
