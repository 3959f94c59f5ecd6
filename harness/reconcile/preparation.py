"""What is done to pixels before a network sees them: crop, resize, and how they were stored."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

from harness.core.seeding import generator
from harness.data.image_files import ImageResize, planes
from harness.data.resizing import FILTERS
from harness.reconcile.protocol import ScoringProtocol

CENTRE, SQUASHED, PATCH = "centre square", "whole image, squashed", "centre patch, not resized"
CROPS = (CENTRE, SQUASHED, PATCH)
"""How an image of another size is brought to the size that is compared."""

STORED = "as stored"
TRUNCATED = "samples truncated, not rounded"
QUALITIES = (95, 90, 75)


class RepeatedCrop(NamedTuple):
    """A centre crop of images that have the right size already, resized back to that size. It keeps
    `share` of each side of an image, in the reference or in both sets.
    """

    share: float
    of_samples: bool


REPEATED_CROPS = {
    "centre 7/8 of both sets": RepeatedCrop(7 / 8, True),
    "centre 7/8 of the reference": RepeatedCrop(7 / 8, False),
    "centre 3/4 of both sets": RepeatedCrop(3 / 4, True),
    "centre 3/4 of the reference": RepeatedCrop(3 / 4, False),
}


def _tf1_bilinear(images: Tensor, size: int) -> Tensor:
    resized: Tensor = interpolate_bilinear_2d_like_tensorflow1x(
        images, size=(size, size), align_corners=False
    )
    return resized


def _bilinear(images: Tensor, size: int) -> Tensor:
    return F.interpolate(images, (size, size), mode="bilinear", align_corners=False)


def _bicubic(images: Tensor, size: int) -> Tensor:
    return F.interpolate(images, (size, size), mode="bicubic", align_corners=False)


ALIASING: Mapping[str, Callable[[Tensor, int], Tensor]] = {
    "bilinear without antialiasing": _bilinear,
    "bicubic without antialiasing": _bicubic,
    "tf1-bilinear": _tf1_bilinear,
}
"""Filters without antialiasing, for float32 images N×C×H×W: PyTorch's defaults, and TensorFlow 1's,
which aligns the upper left corners of pixels.
"""

PILLOW = {**FILTERS, "nearest": Image.Resampling.NEAREST}
RESIZES = (*PILLOW, *ALIASING)
"""The names of all filters."""


class PreparedImage(ImageResize):
    """An image of another size than `size`: cropped and resized. `how` is `CROP|FILTER`."""

    __slots__ = ()

    def image(self, image: Image.Image) -> Image.Image:
        """The image at `size` pixels a side; of mode L or RGB."""
        crop, _, resize = self.how.partition("|")
        if image.size == (self.size, self.size):
            return image
        if crop == PATCH:
            return _patch(image, self.size)
        if crop == SQUASHED:
            return _resize(image, self.size, resize)
        if resize in PILLOW:
            return ImageOps.fit(image, (self.size, self.size), PILLOW[resize])
        return _resize(_patch(image, min(image.size)), self.size, resize)


def crop_again(images: Tensor, share: float, resize: str) -> Tensor:
    """The centre of square uint8 images N×C×S×S, `share` of each side, resized back to S×S."""
    side = images.shape[-1]
    kept = max(1, round(side * share))
    start = (side - kept) // 2
    parts = images[..., start : start + kept, start : start + kept]
    if resize in ALIASING:
        return _to_bytes(ALIASING[resize](parts.float(), side))
    resized = [planes(_resize(as_picture(part), side, resize)) for part in parts]
    return torch.from_numpy(np.stack(resized))


def encodings() -> list[str]:
    """The ways in which pixels may have been stored."""
    sides = ("samples", "reference", "both sets")
    return [TRUNCATED, *(f"{side} as JPEG {quality}" for side in sides for quality in QUALITIES)]


def encoding_of_side(encoding: str, side: str) -> str:
    """What an encoding does to the `side` "samples" or "reference": `JPEG 90`, or nothing."""
    sides, _, quality = encoding.partition(" as ")
    if quality:
        return quality if sides in (side, "both sets") else STORED
    return encoding if side == "samples" else STORED


def encode(images: Tensor, encoding: str) -> Tensor:
    """uint8 images N×C×H×W as the encoding of their side (see `encoding_of_side`) stores them.

    Rounded pixels do not tell what truncation would have given. So each pixel is lowered by one
    with probability 1/2, drawn with the harness's own seed.
    """
    if encoding == TRUNCATED:
        draws = generator(0, "reconcile", "truncation")
        less = torch.randint(2, images.shape, generator=draws, dtype=torch.uint8)
        return torch.where(images > 0, images - less, images)
    if encoding == STORED:
        return images
    quality = int(encoding.removeprefix("JPEG "))
    return torch.from_numpy(np.stack([_jpeg(image, quality) for image in images]))


class Preparation(NamedTuple):
    """How the images at a place are prepared for one side. `kept` is the share of each side that a
    repeated crop keeps, 1 where there is none.
    """

    place: str
    crop: str
    kept: float
    resize: str
    encoding: str

    @classmethod
    def of(cls, place: str, side: str, protocol: ScoringProtocol) -> Preparation:
        """What the protocol does to the images of the `side` "samples" or "reference"."""
        again = REPEATED_CROPS.get(protocol.crop)
        is_cropped_again = again and (side == "reference" or again.of_samples)
        return cls(
            place,
            CENTRE if again else protocol.crop,
            again.share if again and is_cropped_again else 1.0,
            protocol.resize,
            encoding_of_side(protocol.encoding, side),
        )


def as_picture(image: Tensor) -> Image.Image:
    """A uint8 image C×H×W as Pillow's, of mode L or RGB."""
    array = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)


def _jpeg(image: Tensor, quality: int) -> np.ndarray:
    file = io.BytesIO()
    as_picture(image).save(file, "JPEG", quality=quality)
    return planes(Image.open(file))


def _patch(image: Image.Image, size: int) -> Image.Image:
    """The centre, `size` pixels a side; what lies outside of a smaller image is black."""
    left, top = (image.width - size) // 2, (image.height - size) // 2
    return image.crop((left, top, left + size, top + size))


def _resize(image: Image.Image, size: int, resize: str) -> Image.Image:
    if resize in PILLOW:
        return image.resize((size, size), PILLOW[resize])
    floats = torch.from_numpy(planes(image).copy()).float()[None]
    return as_picture(_to_bytes(ALIASING[resize](floats, size))[0])


def _to_bytes(images: Tensor) -> Tensor:
    return images.round().clamp(0, 255).to(torch.uint8)
