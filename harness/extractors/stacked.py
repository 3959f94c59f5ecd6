"""`stacked:classifier:…`: a classifier of grey images for three of them stacked as RGB.

So stacked MNIST is judged (Metz et al. 2017, arXiv:1611.02163): each channel passes the classifier
alone, and a mode is a triple of classes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.extractors.base import Extracted, Extractor, Network, Perceptual
from harness.extractors.classifier import EXTRACTOR as CLASSIFIER
from harness.extractors.classifier import PERCEPTUAL as CLASSIFIER_PERCEPTUAL
from harness.extractors.source import ExtractorSource
from harness.networks.weight_files import LocalWeights

CHANNELS = 3


class _Stacked(Network):
    """What a network of single channels says of itself for all three."""

    def __init__(self, name: str, inner: Network) -> None:
        self.name = name
        self.digest = inner.digest
        self.preprocessing = f"{inner.preprocessing}-by-channel"

    def check(self, channels: int, size: int) -> None:
        """Three channels, each as the inner network takes it."""
        _fits(self.name, channels, size)


class StackedExtractor(_Stacked, Extractor):
    """The channels' features side by side, and the log-probability of each triple of classes."""

    has_logits = True

    def __init__(self, name: str, device: str) -> None:
        self._channel = CLASSIFIER.load(_inner(name), device)
        super().__init__(name, self._channel)

    def extract(self, images: Tensor) -> Extracted:
        """`pooled` N×3d and `logits` N×classes³ of uint8 images N×3×S×S. The triple a, b, c is the
        column (a·classes + b)·classes + c, and its logit the sum of its three log-probabilities.
        """
        self.check_shape(*images.shape[1:])
        parts = [self._channel.extract(channel) for channel in torch.split(images, 1, dim=1)]
        a, b, c = (_logits(part).log_softmax(dim=1) for part in parts)
        triples = a[:, :, None, None] + b[:, None, :, None] + c[:, None, None, :]
        return Extracted(torch.cat([part.pooled for part in parts], dim=1), triples.flatten(1))


class StackedPerceptual(_Stacked, Perceptual):
    """The mean of the channels' distances."""

    def __init__(self, name: str, device: str) -> None:
        self._channel = CLASSIFIER_PERCEPTUAL.load(_inner(name), device)
        super().__init__(name, self._channel)

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """N distances of images N×3×S×S."""
        self.check_shape(*a.shape[1:])
        pairs = zip(torch.split(a, 1, dim=1), torch.split(b, 1, dim=1), strict=True)
        return torch.stack([self._channel.distance(x, y) for x, y in pairs]).mean(dim=0)


def _logits(extracted: Extracted) -> Tensor:
    assert extracted.logits is not None  # every classifier has them
    return extracted.logits


def _inner(name: str) -> str:
    return name.removeprefix("stacked:")


def _fits(name: str, channels: int, size: int) -> None:
    if channels != CHANNELS:
        raise BadInput(f"{name} takes images of {CHANNELS} channels, not {channels}")
    if CLASSIFIER.fits:
        CLASSIFIER.fits(_inner(name), 1, size)


def _preflight(name: str) -> LocalWeights | None:
    return CLASSIFIER.preflight(_inner(name))


EXTRACTOR: ExtractorSource[Extractor] = ExtractorSource(_preflight, StackedExtractor, _fits)
PERCEPTUAL: ExtractorSource[Perceptual] = ExtractorSource(_preflight, StackedPerceptual, _fits)
