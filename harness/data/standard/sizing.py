"""The size that images of a set are given, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.data.image_files import planes
from harness.data.resizing import DEFAULT_FILTER, fit, read_filter, read_size

OPTIONS = ("size", "filter")


@dataclass(frozen=True)
class Sizing:
    """Square images of `size` pixels a side, by one of FILTERS."""

    size: int
    filter: str = DEFAULT_FILTER

    @classmethod
    def read(cls, name: str, options: Mapping[str, str], size: int) -> Sizing:
        """What the options of the dataset `name` ask for; `size` where they say none."""
        return cls(read_size(name, options) or size, read_filter(name, options))

    def apply(self, image: Image.Image) -> Image.Image:
        """The centred square, as large as the image allows, resized."""
        return fit(image, self.size, self.filter)

    def apply_all(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Images uint8 N×C×H×W with C = 1 or 3, each resized."""
        if images.shape[2:] == (self.size, self.size):
            return images
        pixels = images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1)
        fitted = [planes(self.apply(Image.fromarray(np.ascontiguousarray(one)))) for one in pixels]
        return np.stack(fitted)
