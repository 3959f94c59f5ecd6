"""Corruptions that a model is to repair: noise, missing pixels, lost resolution.

Each is a pure function of uint8 images N×C×S×S and of a key for each image (`data.counter_rng`),
and returns uint8 images. No result depends on how a machine rounds, so every machine gets the same
bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from harness.core.errors import BadInput
from harness.data.counter_rng import BITS, below, random_integers

VERSION = 1
"""Raised when any corruption gives other bytes: numbers under two versions do not compare."""

GREY = 128
"""What stands in the place of a missing pixel, of which the model is told."""

Damaged = tuple[Tensor, Tensor | None]
"""Sources uint8 N×C×S×S, and which pixels are known, bool N×S×S; None where nobody is told."""


class Corruption(Protocol):
    """A kind of corruption. With `masked`, the model is given a mask of the known pixels."""

    masked: bool

    def __call__(self, images: Tensor, keys: Tensor) -> Damaged:
        """Damage uint8 images N×C×S×S by int64 keys N."""
        ...

    def check(self, size: int) -> None:
        """Raise BadInput where it cannot be applied to images of `size` pixels a side."""
        ...


class _AnySize:
    masked = False

    def check(self, size: int) -> None:
        """Nothing depends on the size."""


@dataclass(frozen=True)
class Gaussian(_AnySize):
    """Gaussian noise on every value, of standard deviation `sigma` where white is 1."""

    sigma: float

    def __call__(self, images: Tensor, keys: Tensor) -> Damaged:
        """Rounding a byte plus noise is adding rounded noise: a draw from 511 whole numbers.

        It falls between two thresholds of the distribution function, so that no logarithm or
        cosine has a last bit for machines to disagree on.
        """
        steps = torch.arange(-255, 255, dtype=torch.float64) + 0.5
        shares = torch.special.ndtr(steps / (255 * self.sigma))
        thresholds = (shares * 2**BITS).round().long().to(images.device)
        drawn = random_integers(keys, images[0].numel()).view_as(images)
        noise = torch.bucketize(drawn, thresholds, right=True) - 255
        return (images + noise).clamp_(0, 255).to(torch.uint8), None


@dataclass(frozen=True)
class SaltAndPepper(_AnySize):
    """A `share` of the pixels turns black or white, half of them each."""

    share: float

    def __call__(self, images: Tensor, keys: Tensor) -> Damaged:
        """All channels of a pixel turn alike."""
        drawn = _per_pixel(images, keys)
        peppered = images.masked_fill(drawn < below(self.share / 2), 0)
        return peppered.masked_fill_(drawn >= below(1 - self.share / 2), 255), None


@dataclass(frozen=True)
class Masking(_AnySize):
    """A `share` of the pixels turns black, and the model is not given a mask (Vincent et
    al. 2008).
    """

    share: float

    def __call__(self, images: Tensor, keys: Tensor) -> Damaged:
        """All channels of a pixel turn alike."""
        return images.masked_fill(_per_pixel(images, keys) < below(self.share), 0), None


@dataclass(frozen=True)
class Missing(_AnySize):
    """Pixels are missing, and the model is given a mask: a random `share` of them, a square of half
    the side at a random place (`box`), or the right half (`half`).
    """

    where: Literal["random", "box", "half"]
    share: float = 0.0
    masked = True

    def __call__(self, images: Tensor, keys: Tensor) -> Damaged:
        """Missing pixels are grey."""
        if self.where == "random":
            missing = _per_pixel(images, keys) < below(self.share)
        else:
            missing = self._region(images, keys)[:, None]
        return images.masked_fill(missing, GREY), ~missing[:, 0]

    def _region(self, images: Tensor, keys: Tensor) -> Tensor:
        size = images.shape[-1]
        place = torch.arange(size, device=images.device)
        if self.where == "half":
            return (place >= size // 2).expand(len(images), size, size)
        side = size // 2
        corners = random_integers(keys, 2) % (size - side + 1)
        rows, columns = (
            (place >= corner) & (place < corner + side) for corner in corners.T[:, :, None]
        )
        square: Tensor = rows[:, :, None] & columns[:, None, :]
        return square


@dataclass(frozen=True)
class Downsampled:
    """Resolution lost: means over squares of `factor` pixels a side, shown at full size again by
    bicubic interpolation (a = −0.75). Both steps are exact in float64 and rounded to bytes.
    """

    factor: int
    masked = False

    def check(self, size: int) -> None:
        """Whole squares must cover the image."""
        if size % self.factor:
            raise BadInput(f"images of {size} pixels a side cannot be divided by {self.factor}")

    def __call__(self, images: Tensor, keys: Tensor) -> Damaged:
        """Nothing is random: keys are not used."""
        small = F.avg_pool2d(images.double(), self.factor).round_()
        large = F.interpolate(small, size=images.shape[-2:], mode="bicubic", align_corners=False)
        return large.round_().clamp_(0, 255).to(torch.uint8), None


def _per_pixel(images: Tensor, keys: Tensor) -> Tensor:
    """A draw for each pixel: N×1×S×S."""
    count, _, height, width = images.shape
    return random_integers(keys, height * width).view(count, 1, height, width)


WITH_AMOUNT: dict[tuple[str, str], Callable[[float], Corruption]] = {
    ("denoise", "gaussian"): Gaussian,
    ("denoise", "saltpepper"): SaltAndPepper,
    ("denoise", "masking"): Masking,
    ("inpaint", "random"): partial(Missing, "random"),
}
WITHOUT: dict[tuple[str, str], Corruption] = {
    ("inpaint", "box"): Missing("box"),
    ("inpaint", "half"): Missing("half"),
    ("super", "2"): Downsampled(2),
    ("super", "4"): Downsampled(4),
}
TASKS = {
    "denoise": "gaussian-0.1, saltpepper-0.1 or masking-0.25, each with an amount from 0 to 1",
    "inpaint": "box, half or random-0.5, the last with an amount from 0 to 1",
    "super": "2 or 4",
}
"""The options, and what is right for each."""


def parse(option: str, value: str) -> Corruption:
    """Return the corruption that an option such as `denoise=gaussian-0.1` names. Raises
    BadInput.
    """
    if corruption := WITHOUT.get((option, value)):
        return corruption
    kind, _, amount = value.partition("-")
    make = WITH_AMOUNT.get((option, kind))
    if make is None or not 0 < (number := _number(amount)) < 1:
        raise BadInput(f"{option}={value}: right are {TASKS[option]}")
    return make(number)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
