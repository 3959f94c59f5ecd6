"""Baselines that are fitted to the training images in one go: their mean, principal components."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.families.base import Phase, TrainingImages
from harness.families.builders import check_sources, in_range
from harness.families.untrained import Untrained, UntrainedSettings
from harness.networks.principal_components import MeanImage, PrincipalComponents

BATCH = 1000
"""Images that are taken at a time."""


class TrainingBatches:
    """The training images x N×C×S×S in batches, each image once, as often as they are asked for."""

    def __init__(self, images: TrainingImages) -> None:
        self._images = images.of_size(BATCH)

    def __iter__(self) -> Iterator[Tensor]:
        return (batch.x for batch in self._images.epoch())


class FittedMean(Untrained):
    """Gives the mean training image for every image: what a reconstruction must beat."""

    Settings = UntrainedSettings

    def build(self) -> nn.ModuleDict:
        """The mean image."""
        check_sources(self.shape, "the mean image")
        return nn.ModuleDict({"image": MeanImage(self.values)})

    def phases(self) -> tuple[Phase, ...]:
        """One that fits."""
        return (Phase(name="fit", share=0, begin=self.fit),)

    def fit(
        self, networks: nn.ModuleDict, images: TrainingImages, generator: torch.Generator
    ) -> None:
        """Fits the networks to the training images; nothing is random."""
        for network in networks.values():
            network.fit(TrainingBatches(images))  # type: ignore[operator]

    @property
    def values(self) -> int:
        """The number of values of an image."""
        return self.shape.channels * self.shape.size**2

    def reconstruct(self, x: Tensor) -> Tensor:
        """x N×C×S×S → the mean image, N times."""
        mean: Any = self.networks["image"].mean
        return in_range(mean.to(x.dtype).view(1, *x.shape[1:]), self.shape).expand_as(x)

    def restore(self, source: Tensor, mask: Tensor | None) -> Tensor:
        """Damaged images N×C×S×S → the mean image, N times."""
        return self.reconstruct(source)


class PCASettings(UntrainedSettings):
    """`components`: numbers in the code."""

    components: PositiveInt = 32


class PCA(FittedMean):
    """Principal component analysis: the linear code with the least squared error.

    Its samples are decoded from independent Gaussian codes with the variances of the components.
    """

    Settings = PCASettings
    settings: PCASettings

    def build(self) -> nn.ModuleDict:
        """The components. Raises BadInput for more than an image has values."""
        check_sources(self.shape, "pca")
        count = self.settings.components
        if count > self.values:
            raise BadInput(f"{count} components of images that have {self.values} values")
        return nn.ModuleDict({"components": PrincipalComponents(self.values, count)})

    @property
    def _components(self) -> PrincipalComponents:
        components: Any = self.networks["components"]
        return components  # type: ignore[no-any-return]

    def encode(self, x: Tensor) -> Tensor:
        """x N×C×S×S → scores N×components."""
        return self._components(x)  # type: ignore[no-any-return]

    def decode(self, z: Tensor) -> Tensor:
        """Scores N×components → images N×C×S×S in [-1, 1]."""
        shape = self.shape
        images = self._components.inverse(z).view(-1, shape.channels, shape.size, shape.size)
        return in_range(images, shape)

    def reconstruct(self, x: Tensor) -> Tensor:
        """x N×C×S×S → its projection on the components, in [-1, 1]."""
        return self.decode(self.encode(x))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1]."""
        deviations = self._components.variances.sqrt().float()
        noise = torch.randn(n, len(deviations), generator=generator, device=generator.device)
        return self.decode(noise * deviations)
