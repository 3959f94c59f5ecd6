"""Files of images, read into one tensor. Nothing is resized unless that is asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from harness.core.errors import BadInput, read_error
from harness.data.appearance import appearance, check_colours, upright
from harness.data.image_memory import (
    DECODED_AT_ONCE,
    MAX_IMAGE_PIXELS,
    LazyImages,
    allocate,
    check_count,
    check_image_set_size,
    check_packing,
    check_pixels,
)
from harness.data.image_search import FORMATS, ImageFile
from harness.data.image_threads import in_threads
from harness.data.resizing import fit

CHANNELS = {"1": 1, "L": 1, "LA": 1, "P": 3, "PA": 3, "RGB": 3, "RGBA": 3}
"""Channels of the image that a file of each Pillow mode becomes. Other modes (CMYK, YCbCr, Lab,
16 bits, floats) have no conversion to 8-bit RGB on which all programs agree."""

COLOURS = {1: "grey", 3: "RGB"}


class Header(NamedTuple):
    """What is known of an image before it is decoded."""

    width: int
    height: int
    channels: int

    def __str__(self) -> str:
        return f"{self.width}×{self.height} {COLOURS[self.channels]}"


class ImageResize(NamedTuple):
    """To squares of `size` pixels a side: the centred square, as large as the image allows, with
    one of Pillow's filters. An image of that size is left as it is.
    """

    size: int
    how: str = "bicubic"

    def header(self, header: Header) -> Header:
        """What an image becomes."""
        return Header(self.size, self.size, header.channels)

    def image(self, image: Image.Image) -> Image.Image:
        """The image resized; of mode L or RGB."""
        return image if image.size == (self.size, self.size) else fit(image, self.size, self.how)

    def __str__(self) -> str:
        return f"{self.size}-{self.how}"


def open_files(
    folder: Path, files: Sequence[ImageFile], at_least: int = 2, resize: ImageResize | None = None
) -> LazyImages:
    """The images in `files`, uint8 N×C×H×W with C = 1 or 3, in order.

    All headers are read before any pixel: what is too large or does not fit together is refused
    without the memory it claims. Raises BadInput, naming the file, where one is damaged or no
    image, has more than one frame, is transparent anywhere, has more than 8 bits a channel or
    colours other than grey and RGB, and where sizes or channels differ; where there are fewer than
    `at_least` images. With `resize` the sizes may differ.
    """
    inspected = in_threads(_inspect, files)
    headers = [header for header, _ in inspected]
    sizes = sorted({(header.height, header.width) for header in headers})
    if resize:
        # What is too large to decode was refused already; what they become is alike.
        _check_alike(files, [resize.header(header) for header in headers])
        width, height, channels = resize.header(headers[0])
    else:
        _check_alike(files, headers)
        width, height, channels = headers[0]
    shape = len(files), channels, height, width
    check_count(folder, len(files), at_least)
    check_image_set_size(folder, *shape)
    check_packing(folder, sum(map(_stored_bytes, files)), math.prod(shape))

    def read() -> torch.Tensor:
        images = allocate(folder, *shape)
        target = images.numpy()

        def fill(index: int) -> None:
            image = decode_image(files[index], headers[index])
            target[index] = planes(resize.image(image) if resize else image)

        # Each thread holds an image or two of its own.
        in_threads(fill, range(len(files)), max(1, DECODED_AT_ONCE // (height * width)))
        return images

    return LazyImages(shape, read, frozenset(name for _, name in inspected), tuple(sizes))


def read_header(path: ImageFile) -> Header:
    """What the image in `path` is. Raises BadInput where it is none that can be decoded."""
    return _inspect(path)[0]


def _inspect(path: ImageFile) -> tuple[Header, str]:
    """The header, and the format as Pillow names it."""
    with _opened(path) as image:
        check_pixels(path, *image.size)
        if (frames := getattr(image, "n_frames", 1)) != 1:
            raise BadInput(f"{path}: {frames} frames; one image a file is needed")
        if "16" in image.mode or _is_reduced(image):
            bits = "5 or 6 bits a channel, which programs widen to 8 in different ways"
            if image.format not in ("BMP", "DIB"):
                bits = "16 bits a channel"
            raise BadInput(f"{path}: {bits}; save it with 8, rounded as you see fit")
        if image.mode not in CHANNELS:
            raise BadInput(
                f"{path}: pixels are {image.mode}, for which programs differ in how they become "
                "RGB; save it as grey or RGB of 8 bits"
            )
        look = appearance(path, image)
        check_colours(path, look)
        size = image.size[::-1] if look.is_turned else image.size
        return Header(*size, CHANNELS[image.mode]), image.format or ""


def decode_image(path: ImageFile, expected: Header) -> Image.Image:
    """The image in `path`, of mode L or RGB. Raises BadInput as `read_images`."""
    width, height, channels = expected
    with _opened(path) as image:
        look = appearance(path, image)
        size = image.size[::-1] if look.is_turned else image.size
        if size != (width, height) or CHANNELS.get(image.mode) != channels:
            raise BadInput(f"{path}: changed while it was read")
        if image.has_transparency_data:
            _check_opaque(path, image.convert("LA" if channels == 1 else "RGBA"))
        pixels = image.convert("L" if channels == 1 else "RGB")
        return upright(pixels, look.orientation) if look.orientation > 1 else pixels


def planes(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels of an image of mode L or RGB, uint8 C×H×W."""
    return np.asarray(image).reshape(image.height, image.width, -1).transpose(2, 0, 1)


def _stored_bytes(file: ImageFile) -> int:
    return file.stat().st_size if isinstance(file, Path) else file.stored_bytes


@contextmanager
def _opened(path: ImageFile) -> Iterator[Image.Image]:
    try:
        source = path if isinstance(path, Path) else BytesIO(path.read_bytes())
        with Image.open(source, formats=FORMATS) as image:
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadInput(f"{path}: more than {MAX_IMAGE_PIXELS:,} pixels in an image") from error
    except UnidentifiedImageError as error:
        raise BadInput(f"{path}: not an image ({', '.join(FORMATS)}), or damaged") from error
    except BadInput:
        raise
    except Exception as error:  # a damaged file makes decoders raise almost anything
        raise read_error(path, error, "decoded") from error


def _is_reduced(image: Image.Image) -> bool:
    """Whether Pillow would drop the low byte of 16-bit RGB, whose mode it gives as RGB."""
    arguments = [tile[3] for tile in getattr(image, "tile", [])]
    raw_modes = [a[0] if isinstance(a, tuple) else a for a in arguments if a]
    return any(isinstance(raw, str) and ";16" in raw for raw in raw_modes)


def _check_alike(files: Sequence[ImageFile], headers: Sequence[Header]) -> None:
    first = headers[0]
    for file, header in zip(files, headers, strict=True):
        if header == first:
            continue
        shared, change = "one size", "resized unless that is asked for"
        if header.channels != first.channels:
            shared, change = "one number of channels", "converted from grey to RGB or back"
        raise BadInput(
            f"{files[0]} is {first} and {file} is {header}; the images of a set need {shared} "
            f"(none is {change}, since how that is done changes every number)"
        )


def _check_opaque(path: ImageFile, image: Image.Image) -> None:
    """An alpha channel that is 255 everywhere says nothing; any other needs a background."""
    if np.asarray(image.getchannel("A")).min() < 255:
        raise BadInput(f"{path}: transparent in places; put it on a background and save it without")
