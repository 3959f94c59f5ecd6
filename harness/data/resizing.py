"""How images are resized: Pillow's filters, and the options of a dataset that name them."""

from __future__ import annotations

from collections.abc import Mapping

from PIL import Image, ImageOps

from harness.core.errors import BadInput, suggest

FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "box": Image.Resampling.BOX,
    "lanczos": Image.Resampling.LANCZOS,
}
"""Pillow's, which widen the filter when an image shrinks, and so do not alias."""

DEFAULT_FILTER = "bicubic"

MAX_SIZE = 4096


def read_size(name: str, options: Mapping[str, str]) -> int | None:
    """`size=` of the dataset `name`, if it is given; BadInput where it is no sensible number."""
    text = options.get("size")
    if text is not None and not (text.isdecimal() and 1 <= int(text) <= MAX_SIZE):
        raise BadInput(f"{name}: size={text}; a number of pixels up to {MAX_SIZE} is needed")
    return None if text is None else int(text)


def read_filter(name: str, options: Mapping[str, str]) -> str:
    """`filter=` of the dataset `name`, or bicubic; BadInput where there is no such filter."""
    how = options.get("filter", DEFAULT_FILTER)
    if how not in FILTERS:
        raise BadInput(f"{name}: unknown filter {how!r}{suggest(how, FILTERS)}")
    return how


def fit(image: Image.Image, size: int, how: str) -> Image.Image:
    """The centred square, as large as the image allows, resized to `size` pixels a side."""
    return ImageOps.fit(image, (size, size), FILTERS[how])
