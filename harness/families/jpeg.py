"""JPEG (ITU-T T.81, 1992) as an entrant: what a learnt code must beat at as many bits."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import Any

import numpy as np
import torch
from PIL import Image
from pydantic import PositiveInt
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.data.pixels import to_float, to_uint8
from harness.families.base import Phase, TrainingImages
from harness.families.builders import check_sources
from harness.families.untrained import Untrained, UntrainedSettings

FIT = 500
"""Training images by which the quality is chosen, at least."""
BEST_QUALITY = 95
"""Above it Pillow's documentation advises against."""


class JPEGSettings(UntrainedSettings):
    """`bits`: at most so many for an image, on the mean over training images."""

    bits: PositiveInt = 400


class JPEG(Untrained):
    """JPEG at the best quality whose images take `bits` on the mean over training images.

    What is counted are the bits of an image's entropy-coded scan: header and tables are the same
    for all images of a set, as the weights of a decoder are.
    """

    Settings = JPEGSettings
    settings: JPEGSettings

    def build(self) -> nn.ModuleDict:
        """The quality. Raises BadInput for data that are no grey or RGB images."""
        check_sources(self.shape, "JPEG")
        if not self.shape.pixels or self.shape.channels not in (1, 3):
            raise BadInput("JPEG takes 8-bit images of 1 or 3 channels")
        return nn.ModuleDict({"quality": Quality()})

    def phases(self) -> tuple[Phase, ...]:
        """One that chooses the quality."""
        return (Phase(name="fit", share=0, begin=self.fit),)

    def fit(
        self, networks: nn.ModuleDict, images: TrainingImages, generator: torch.Generator
    ) -> None:
        """Sets the quality by bisection, since the number of bits grows with it; nothing is
        random. Warns where the lowest quality takes more bits.
        """
        x = next(iter(images.of_size(FIT).epoch())).x
        low, high = 1, BEST_QUALITY
        while low < high:
            middle = (low + high + 1) // 2
            if _mean_bits(x, middle) <= self.settings.bits:
                low = middle
            else:
                high = middle - 1
        if (least := _mean_bits(x, low)) > self.settings.bits:
            warnings.warn(
                f"JPEG takes {least:.0f} bits an image at the lowest quality, above the "
                f"{self.settings.bits} asked for",
                stacklevel=2,
            )
        quality: Any = networks["quality"]
        quality.value.fill_(low)

    def reconstruct(self, x: Tensor) -> Tensor:
        """x N×C×S×S → the decoded images, both in [-1, 1]."""
        return torch.stack([_decoded(data) for data in _encoded(x, self._quality)]).to(x)

    def code_bits(self, x: Tensor) -> Tensor:
        """x N×C×S×S → the bits of each image's scan, N."""
        return torch.tensor([_scan_bits(data) for data in _encoded(x, self._quality)]).to(x)

    @property
    def _quality(self) -> int:
        quality: Any = self.networks["quality"]
        return int(quality.value)


class Quality(nn.Module):
    """The quality of JPEG, from 1 to 95, as a buffer that is stored as weights are."""

    value: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("value", torch.tensor(1))


def _mean_bits(x: Tensor, quality: int) -> float:
    files = _encoded(x, quality)
    return sum(map(_scan_bits, files)) / len(files)


def _encoded(x: Tensor, quality: int) -> list[bytes]:
    """Images N×C×S×S in [-1, 1] as JPEG files, with the standard's Huffman tables."""
    pixels = to_uint8(x).cpu().movedim(1, -1).numpy()
    files = []
    for image in pixels:
        file = BytesIO()
        plain = image[:, :, 0] if image.shape[2] == 1 else image
        Image.fromarray(np.ascontiguousarray(plain)).save(file, "JPEG", quality=quality)
        files.append(file.getvalue())
    return files


def _decoded(data: bytes) -> Tensor:
    """A JPEG file → C×S×S in [-1, 1]."""
    pixels = np.array(Image.open(BytesIO(data)))
    return to_float(torch.from_numpy(np.atleast_3d(pixels)).movedim(-1, 0).contiguous())


def _scan_bits(data: bytes) -> int:
    """The bits between the header of the scan (marker FFDA, with its length) and the end (FFD9)."""
    start = data.index(b"\xff\xda") + 2
    length = int.from_bytes(data[start : start + 2], "big")
    return 8 * (len(data) - start - length - 2)
