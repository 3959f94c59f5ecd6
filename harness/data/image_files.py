"""Files of images, read into one tensor. Nothing is resized unless that is asked for."""

from __future__ import annotations

import math
import os
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import NamedTuple, NoReturn, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.data.appearance import appearance, check_colours, upright
from harness.data.image_archive import Member, find_members
from harness.data.image_formats import unsupported_format
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
from harness.data.resizing import fit

Item = TypeVar("Item")
Result = TypeVar("Result")

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".webp", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "BMP", "DIB", "WEBP", "TIFF")
"""What a file may be, whatever its suffix says: Pillow's other decoders are never reached. DIB is
BMP without the header of a file, as clipboards have it.
"""

CHANNELS = {"1": 1, "L": 1, "LA": 1, "P": 3, "PA": 3, "RGB": 3, "RGBA": 3}
"""Channels of the image that a file of each Pillow mode becomes. Other modes (CMYK, YCbCr, Lab,
16 bits, floats) have no conversion to 8-bit RGB on which all programs agree."""

COLOURS = {1: "grey", 3: "RGB"}

THREADS = min(8, os.cpu_count() or 1)
"""Decoding releases Python's lock; beyond some threads the disk is what is waited for."""

RUN = 16
"""Files that a thread takes at a time: handing over a small image costs as much as decoding it."""


ImageFile = Path | Member
"""Where an image is: a file, or one in a zip archive."""


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


def find_images(folder: Path) -> tuple[list[Path], list[Path]]:
    """The image files anywhere below `folder`, and all other files.

    Hidden files and folders are left out. Images are sorted by their path in the folder, without
    suffix first, so that two folders with the same names give the same order whatever the formats,
    and however letters with accents are written (NFC or NFD). Raises BadInput where a link is
    broken, a folder cannot be read or is reached twice, where there is no image, and where an image
    would be left out: it is of another format (GIF, AVIF, …), or its suffix is none of `SUFFIXES`.
    """
    images: list[Path] = []
    others: list[Path] = []
    visited: set[Path] = set()
    for at, folders, files in os.walk(folder, followlinks=True, onerror=_refuse_folder):
        current = Path(at)
        _visit(current, visited)
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (current / name for name in files if not name.startswith(".")):
            _check_file(path)
            (images if path.suffix.lower() in SUFFIXES else others).append(path)
    in_threads(_check_no_image, others)
    if not images:
        raise _no_images(folder, others)
    by_name = sorted(images, key=lambda path: name_key(path.as_posix()))
    return by_name, sorted(others)


def _no_images(place: Path, others: Sequence[ImageFile]) -> BadInput:
    count = counted(len(others), "other file")
    instead = f"; it has {count}, such as {others[0]}" if others else ""
    return BadInput(
        f"{place}: no images in it ({', '.join(SUFFIXES)}; hidden ones do not count){instead}"
    )


def path_stem(name: str) -> str:
    """A path without its suffix, by which images belong together: accents in their composed form
    (NFC), since some systems write them apart.
    """
    return unicodedata.normalize("NFC", PurePosixPath(name).with_suffix("").as_posix())


def name_key(name: str) -> tuple[str, str]:
    """What names of images are sorted by: without suffix first, so that two sets with the same
    names have the same order whatever the formats.
    """
    return path_stem(name), PurePosixPath(name).suffix


def find_in_archive(archive: Path) -> tuple[list[Member], list[Member]]:
    """The image files in a zip archive, and all other files; otherwise as `find_images`."""
    members = find_members(archive)
    images = [member for member in members if member.suffix.lower() in SUFFIXES]
    others = [member for member in members if member.suffix.lower() not in SUFFIXES]
    in_threads(_check_no_image, others)
    if not images:
        raise _no_images(archive, others)
    return sorted(images, key=lambda member: name_key(member.name)), others


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


def in_threads(
    function: Callable[[Item], Result], items: Sequence[Item], threads: int = THREADS
) -> list[Result]:
    """The result for each of `items`, which concern image files, in order, by as many `threads` at
    most.

    The first failure in order is raised, and what has not begun is dropped.
    """
    runs = [items[start : start + RUN] for start in range(0, len(items), RUN)]
    with warnings.catch_warnings(), ThreadPoolExecutor(min(threads, THREADS)) as pool:
        # Pillow warns of oddities in metadata, which pixels do not depend on, and of bombs that it
        # finds small; here any bomb is an error.
        warnings.filterwarnings("ignore", module="PIL")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        done = pool.map(lambda run: [function(item) for item in run], runs)
        return [result for results in done for result in results]


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


def _check_no_image(path: ImageFile) -> None:
    """To pass over an image would make another set of the folder."""
    try:
        kind = unsupported_format(path)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    if not kind:
        return
    named = any(kind == suffix.upper() for suffix in FORMATS)
    cure = (
        f"give it a suffix of {', '.join(SUFFIXES)}"
        if named
        else (f"convert it to {', '.join(FORMATS)}")
    )
    raise BadInput(f"{path}: is an image ({kind}) that is not read; {cure}, or remove it")


def _visit(folder: Path, visited: set[Path]) -> None:
    """Links to folders are followed; a loop of them would never end, and an image count twice."""
    real = folder.resolve()
    if real in visited:
        raise BadInput(f"{folder}: a link to a folder that is read already ({real})")
    visited.add(real)


def _refuse_folder(error: OSError) -> NoReturn:
    raise BadInput(f"{error.filename}: the folder cannot be read ({error.strerror})") from error


def _check_file(path: Path) -> None:
    if path.is_file():
        return
    if path.is_symlink():
        raise BadInput(f"{path}: a link to {path.readlink()}, which does not exist")
    raise BadInput(f"{path}: not a regular file")


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
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadInput(f"{path}: cannot be decoded; cut short or damaged ({reason})") from error


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
