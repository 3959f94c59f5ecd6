"""The size and channels that the images of a set are converted to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.core.errors import BadInput
from harness.data.image_files import Header
from harness.data.resizing import fit, read_filter, read_size

OPTIONS = ("size", "filter", "channels")

MODES = {1: "L", 3: "RGB"}


class SquareShape(NamedTuple):
    """Channels, and pixels a side, of the square images of a set."""

    channels: int
    size: int


@dataclass(frozen=True)
class ImageOptions:
    """The size and channels that a name asks for; None leaves them as they are."""

    size: int | None = None
    filter: str = "bicubic"
    channels: int | None = None

    @classmethod
    def read(cls, name: str, options: Mapping[str, str]) -> ImageOptions:
        """Read the options of the dataset `name`. Raises BadInput."""
        size = read_size(name, options)
        if "filter" in options and size is None:
            raise BadInput(f"{name}: a filter is for images that are resized; give size=N too")
        how = read_filter(name, options)
        channels = options.get("channels")
        if channels not in (None, "1", "3"):
            raise BadInput(f"{name}: channels={channels}; 1 (grey) or 3 (RGB) is needed")
        return cls(size, how, int(channels) if channels else None)

    def shape(self, headers: Mapping[Header, str]) -> SquareShape:
        """Return the shape that images with these headers are converted to; the values name one
        file each.

        Raises BadInput where they do not fit together as they are, or are not square.
        """
        return SquareShape(self.channels or _channels(headers), self.size or _size(headers))

    def apply(self, image: Image.Image) -> Image.Image:
        """Convert an image of mode L or RGB.

        Grey is Pillow's L (ITU-R 601 luma); RGB of a grey image repeats it. Then the centred
        square, as large as the image allows, is resized.
        """
        image = image.convert(MODES[self.channels]) if self.channels else image
        if self.size:
            return fit(image, self.size, self.filter)
        return image

    def apply_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """A mask H×W, cut and resized as its image: true wherever any true pixel falls."""
        if not self.size:
            return mask
        shares = Image.fromarray(mask.astype(np.float32))
        return np.asarray(fit(shares, self.size, "box")) > 0


def _channels(headers: Mapping[Header, str]) -> int:
    examples = {header.channels: name for header, name in headers.items()}
    if len(examples) > 1:
        raise BadInput(
            f"{examples[1]} is grey and {examples[3]} is RGB; [channels=1] makes all grey, "
            "[channels=3] makes all RGB"
        )
    return next(iter(examples))


def _size(headers: Mapping[Header, str]) -> int:
    sizes = {header[:2]: name for header, name in headers.items()}
    if len(sizes) > 1:
        (one, first), (other, second) = list(sizes.items())[:2]
        raise BadInput(
            f"{first} is {one[0]}×{one[1]} and {second} is {other[0]}×{other[1]}; [size=N] "
            "resizes the shorter side to N pixels and cuts out the centre"
        )
    (width, height), name = next(iter(sizes.items()))
    if width != height:
        raise BadInput(
            f"{name} is {width}×{height}, and so are all; images must be square: [size=N] resizes "
            "the shorter side to N pixels and cuts out the centre"
        )
    return width
