"""Memory for a set of images, asked for only once it is known that the set is sensible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.filesize import decimal

from harness.core.counting import counted
from harness.core.errors import BadInput

MAX_IMAGE_PIXELS = 89_478_485
"""Of one image: the size above which Pillow suspects a decompression bomb."""

MAX_SET_PIXELS = 2**34
"""Of a whole set: room for 50,000 images of 512×512. A forged header asks for more than that."""


DECODED_AT_ONCE = 2**25
"""Pixels that are decoded at a time, of all images together: 100 MB or so in colour."""

MAX_UNPACKED, MAX_PACKING = 2**30, 250
"""Of a set that is larger than so many bytes, how many times smaller its files may be. Binary
drawings reach 120; a file that was made to fill the memory reaches 1000.
"""


@dataclass(frozen=True)
class LazyImages:
    """Images whose headers alone are read: N×C×H×W, and a function that reads the pixels."""

    shape: tuple[int, int, int, int]
    read: Callable[[], torch.Tensor]
    formats: frozenset[str] = frozenset()
    """Those of the files, as Pillow names them; empty where images have no files of their own."""
    sizes: tuple[tuple[int, int], ...] = ()
    """Heights and widths of the files' images, where they are resized as they are read."""


def allocate(where: Path, count: int, channels: int, height: int, width: int) -> torch.Tensor:
    """Room for `count` images, uint8 N×C×H×W, not yet filled.

    Call it with what headers say, before anything is decoded. `where` is named in errors. Raises
    BadInput as `check_size`, and where the set is more than this machine can hold.
    """
    check_image_set_size(where, count, channels, height, width)
    try:
        return torch.empty((count, channels, height, width), dtype=torch.uint8)
    except RuntimeError as error:  # torch has no narrower error for memory that is not there
        raise BadInput(
            f"{_total(where, count, height, width)}, more than this machine has memory for"
        ) from error


def check_set(where: Path, count: int, channels: int, height: int, width: int) -> None:
    """Raise BadInput where there are fewer than two images, and as `check_size`."""
    check_count(where, count)
    check_image_set_size(where, count, channels, height, width)


def check_count(where: Path, count: int, at_least: int = 2) -> None:
    """Raise BadInput where there are fewer than `at_least` images."""
    if count < at_least:
        raise BadInput(f"{where}: {counted(count, 'image')}; a set needs at least {at_least}")


def check_image_set_size(where: Path, count: int, channels: int, height: int, width: int) -> None:
    """Raise BadInput where images are empty, and where they are more than can be sensible."""
    if 0 in (channels, height, width):
        raise BadInput(
            f"{where}: images of {width}×{height} with {counted(channels, 'channel')} are empty"
        )
    check_pixels(where, width, height)
    if count * width * height > MAX_SET_PIXELS:
        raise BadInput(
            f"{_total(where, count, height, width)}; at most {MAX_SET_PIXELS:,} are read at once"
        )


def check_packing(where: Path, packed: int, unpacked: int) -> None:
    """Raise BadInput where files of `packed` bytes unpack to more than images do."""
    if unpacked > MAX_UNPACKED and unpacked > MAX_PACKING * packed:
        raise BadInput(
            f"{where}: {decimal(packed)} would unpack to {decimal(unpacked)}, "
            f"{unpacked // max(1, packed):,} times as much; images are at most {MAX_PACKING} times "
            "smaller in their files, and this would fill the memory"
        )


def _total(where: Path, count: int, height: int, width: int) -> str:
    pixels = count * width * height
    return f"{where}: {counted(count, 'image')} of {width}×{height}, {pixels:,} pixels"


def check_pixels(where: object, width: int, height: int) -> None:
    """Raise BadInput where one image has more pixels than any picture should."""
    if width * height > MAX_IMAGE_PIXELS:
        raise BadInput(
            f"{where}: an image of {width:,}×{height:,} = {width * height:,} pixels; "
            f"at most {MAX_IMAGE_PIXELS:,} are read"
        )
