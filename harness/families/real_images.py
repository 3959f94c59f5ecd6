"""Entrants that are made of real images as they are, or after a known disturbance."""

from __future__ import annotations

import zlib
from abc import abstractmethod
from typing import Literal, Self

import torch
from pydantic import Field, PositiveFloat, model_validator
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.core.seeding import derive
from harness.data.base import Split
from harness.data.disturbances import add_pixel_noise, blur, repeat_few
from harness.data.pixels import to_float, to_uint8
from harness.families.builders import check_sources
from harness.families.untrained import Untrained, UntrainedSettings

PIECE = 256
"""Images whose distances to all training images are in memory at a time."""


class Pixels(Untrained):
    """The pixels are the code: every image is its own code and its own reconstruction.

    It gives damaged images back as they are. Since the error of its reconstruction is 0, what it
    finds anomalous is what lies far from the nearest training image.
    """

    Settings = UntrainedSettings
    _known: Tensor | None = None

    def build(self) -> nn.ModuleDict:
        """No network."""
        check_sources(self.shape, "pixels")
        return nn.ModuleDict()

    def remember(self, train: Split, seed: int) -> None:
        """Takes the training images, with which others are compared."""
        self._known = train.images

    def encode(self, x: Tensor) -> Tensor:
        """x N×C×S×S → its values, N×(C·S·S)."""
        return x.flatten(1)

    def decode(self, z: Tensor) -> Tensor:
        """Values N×(C·S·S), held to [-1, 1] → images N×C×S×S."""
        return z.view(-1, self.shape.channels, self.shape.size, self.shape.size).clamp(-1, 1)

    def reconstruct(self, x: Tensor) -> Tensor:
        """x N×C×S×S → itself."""
        return x

    def restore(self, source: Tensor, mask: Tensor | None) -> Tensor:
        """Damaged images N×C×S×S → themselves."""
        return source

    def score(self, x: Tensor) -> Tensor:
        """x N×C×S×S → the mean squared difference from the nearest training image, N."""
        return self._differences(x).square().mean(dim=(1, 2, 3))

    def score_map(self, x: Tensor) -> Tensor:
        """x N×C×S×S → the squared differences from the nearest training image, meaned over
        channels, N×S×S.
        """
        return self._differences(x).square().mean(dim=1)

    def _differences(self, x: Tensor) -> Tensor:
        """Each image less the training image at the least Euclidean distance from it."""
        if self._known is None:
            raise LookupError("there are no training images to compare with")
        known = to_float(self._known).to(x)
        flat = known.flatten(1)
        nearest = [
            torch.cdist(part.flatten(1), flat).argmin(dim=1) for part in torch.split(x, PIECE)
        ]
        return x - known[torch.cat(nearest)]


class FewPerClassSettings(UntrainedSettings):
    """`share` of the images of each class that are kept, and repeated in place of the others."""

    share: PositiveFloat = Field(0.1, le=1)


class RealImages(Untrained):
    """Training images in the place of samples, drawn without replacement; where more are asked for
    than there are, from the first again.

    They are never test images, with which samples are compared.
    """

    samples_at_once = True
    _split: Split
    _seed: int

    def build(self) -> nn.ModuleDict:
        """No network."""
        return nn.ModuleDict()

    def remember(self, train: Split, seed: int) -> None:
        """Takes the training images that are no outliers."""
        self._split = train if train.outliers is None else train.keep(~train.outliers)
        self._seed = seed

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n training images N×C×S×S in [-1, 1], disturbed. The same generator draws the same
        images whatever the disturbance.
        """
        total = len(self._split)
        order = torch.randperm(total, generator=generator, device=generator.device).cpu()
        seed = torch.randint(2**31, (), generator=generator, device=generator.device)
        rows = order[torch.arange(n) % total]
        drawn = self.disturb(self._split.images[rows], self._split.labels[rows], int(seed))
        return to_float(drawn).to(generator.device)

    @abstractmethod
    def disturb(self, images: Tensor, labels: Tensor, seed: int) -> Tensor:
        """Stored images N×C×S×S, with their classes, after the disturbance."""


class FewPerClass(RealImages):
    """Real images with little variety within classes: in each class a `share` of them, repeated."""

    Settings = FewPerClassSettings
    settings: FewPerClassSettings

    def build(self) -> nn.ModuleDict:
        """No network."""
        if self.shape.classes < 2:
            raise BadInput("its images have no classes to keep a few images of")
        return super().build()

    def disturb(self, images: Tensor, labels: Tensor, seed: int) -> Tensor:
        """In each class the first `share` of the images, repeated in turn."""
        return repeat_few(images, labels, self.settings.share)


class DisturbedSettings(UntrainedSettings):
    """`disturbance` of each image: none, Gaussian noise or a Gaussian blur. `level` is the standard
    deviation: of noise as a share of the range of 255, of a blur in pixels.
    """

    disturbance: Literal["none", "noise", "blur"] = "none"
    level: PositiveFloat | None = None

    @model_validator(mode="after")
    def _level_of_a_disturbance(self) -> Self:
        if (self.disturbance == "none") != (self.level is None):
            raise ValueError(
                f"{self.disturbance} needs a level, such as 0.1"
                if self.level is None
                else "level goes with noise or blur, not with none"
            )
        return self


class Disturbed(RealImages):
    """Real images, each after a known disturbance: training images in place of samples, test images
    in place of their own reconstructions.
    """

    Settings = DisturbedSettings
    settings: DisturbedSettings

    def build(self) -> nn.ModuleDict:
        """No network."""
        if not self.shape.pixels and self.settings.disturbance != "none":
            raise BadInput(f"{self.settings.disturbance} is for 8-bit pixels, not real numbers")
        return super().build()

    def reconstruct(self, x: Tensor) -> Tensor:
        """x N×C×S×S → the images after the disturbance. Noise depends on the images and on the
        cell's seed.
        """
        if self.settings.disturbance == "none":
            return x
        images = to_uint8(x).cpu()
        seed = derive(self._seed, "disturbance", zlib.crc32(images.numpy().tobytes())) % 2**31
        return to_float(self.disturb(images, images.new_zeros(len(images)), seed)).to(x)

    def disturb(self, images: Tensor, labels: Tensor, seed: int) -> Tensor:
        """Each image after the disturbance."""
        match self.settings:
            case DisturbedSettings(disturbance="noise", level=float(level)):
                return add_pixel_noise(images, level, seed)
            case DisturbedSettings(disturbance="blur", level=float(level)):
                return blur(images, level)
        return images
