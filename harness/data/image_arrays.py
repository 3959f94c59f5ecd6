"""Images in `.npy` and `.npz` files, as the diffusion literature exchanges them.

NumPy's own reader would hold the whole array beside the tensor, and unpacks an archive before its
shape can be judged. Here the header is judged first, and the pixels are then streamed into place.
"""

from __future__ import annotations

import lzma
import math
import zlib
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray

from harness.core.counting import counted
from harness.core.errors import BadInput, read_error
from harness.core.printable import printable
from harness.data.image_memory import (
    LazyImages,
    allocate,
    check_count,
    check_image_set_size,
    check_packing,
)

SUFFIXES = (".npy", ".npz")
LABELS = "labels"
"""The array of classes beside the images `arr_0`."""
BLOCK_BYTES = 2**24
"""How much is read at a time: small beside any set, large beside the cost of a call."""

MAX_CLASSES = 100_000
"""More are a sign that an array holds something else than labels."""

_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    BadZipFile,
    zlib.error,
    lzma.LZMAError,
    # zipfile raises RuntimeError for an archive with a password, and its subclass
    # NotImplementedError for a compression that it does not know.
    RuntimeError,
)


def open_array(path: Path, at_least: int = 2) -> LazyImages:
    """The images in `path` as uint8 N×C×H×W; the file has N×H×W×C, or N×H×W for grey.

    Of an `.npz` the array `arr_0` is taken, or the only one. Nothing is ever unpickled. Raises
    BadInput, naming the file, for everything that is not such an array of `at_least` images.
    """
    name = _choose(path) if path.suffix.lower() == ".npz" else ""
    count, height, width, channels = image_shape(path, name)
    shape = count, channels, height, width
    check_count(path, count, at_least)
    check_image_set_size(path, *shape)
    check_packing(path, path.stat().st_size, math.prod(shape))

    def read() -> torch.Tensor:
        images = allocate(path, *shape)
        target = images.numpy()
        for start, block in image_blocks(path, name):
            target[start : start + len(block)] = block.transpose(0, 3, 1, 2)
        return images

    return LazyImages(shape, read)


def array_names(path: Path) -> list[str]:
    """The names of the arrays in an `.npz`. Raises BadInput where it is none, and where two arrays
    have one name.
    """
    with _reading(path), ZipFile(path) as archive:
        members = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    names = [name.removesuffix(".npy") for name in members]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadInput(f"{path}: has two arrays called {min(twice)}")
    return names


def image_shape(path: Path, name: str = "") -> tuple[int, int, int, int]:
    """N, H, W, C of the images in an `.npy`, or in the array `name` of an `.npz`.

    Only the header is read. Raises BadInput where it is not that of images.
    """
    with _stream(path, name) as stream:
        return _read_image_header(path, stream)


def image_blocks(path: Path, name: str = "") -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The images of `image_shape`, some at a time: index of the first, and uint8 B×H×W×C."""
    with _stream(path, name) as stream:
        count, height, width, channels = _read_image_header(path, stream)
        check_packing(path, path.stat().st_size, count * height * width * channels)
        each = max(1, channels * height * width)
        step = max(1, BLOCK_BYTES // each)
        for start in range(0, count, step):
            stop = min(start + step, count)
            data = np.frombuffer(stream.read((stop - start) * each), np.uint8)
            if data.size < (stop - start) * each:
                cut = start + data.size // each
                raise BadInput(f"{path}: cut short at image {cut:,} (from 0) of {count:,}")
            yield start, data.reshape(-1, height, width, channels)
        # Reading past the end also makes zipfile compare the checksum of an archive's member.
        if stream.read(1):
            raise BadInput(f"{path}: more bytes than {counted(count, 'image')} of its shape")


def read_labels(path: Path, name: str, count: int) -> NDArray[np.int64]:
    """The array `name` of an `.npz`: `count` whole numbers from 0 up. Raises BadInput."""
    with _stream(path, name) as stream:
        shape, _, dtype = _header(stream)
        if shape != (count,) or dtype.kind not in "iu":
            raise BadInput(
                f"{path}: {name} is {dtype} of shape {shape}; a whole number for each "
                f"image is needed, {count:,} in all"
            )
        data = stream.read(count * dtype.itemsize + 1)
    if len(data) != count * dtype.itemsize:
        raise BadInput(f"{path}: {name} has {len(data):,} bytes or more; cut short or damaged")
    labels = np.frombuffer(data, dtype)
    if labels.min() < 0 or labels.max() >= MAX_CLASSES:
        wrong = next(int(label) for label in labels if not 0 <= label < MAX_CLASSES)
        raise BadInput(f"{path}: {name} has {wrong}; classes are numbered from 0 up")
    return labels.astype(np.int64)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise read_error(path, error) from error


@contextmanager
def _stream(path: Path, name: str) -> Iterator[IO[bytes]]:
    """The bytes of an `.npy`, or of the array `name` of an `.npz`."""
    with _reading(path):
        if not name:
            with path.open("rb") as stream:
                yield stream
            return
        with ZipFile(path) as archive:
            # NumPy adds the suffix; other writers may not.
            member = f"{name}.npy" if f"{name}.npy" in archive.namelist() else name
            with archive.open(member) as stream:
                yield stream


def labels_beside(path: Path, count: int) -> torch.Tensor | None:
    """The array `labels` beside the images `arr_0` of an `.npz`, int64 `count`; None where there is
    none. Raises BadInput where it does not have a label for each.
    """
    return torch.from_numpy(read_labels(path, LABELS, count)) if _has_labels(path) else None


def _has_labels(path: Path) -> bool:
    return path.suffix.lower() == ".npz" and {"arr_0", LABELS} <= set(array_names(path))


def unused(path: Path) -> str:
    """What else than images is in an `.npz`, in words; "" where there is nothing."""
    if path.suffix.lower() != ".npz":
        return ""
    used = {_choose(path), *([LABELS] if _has_labels(path) else [])}
    rest = [printable(name) for name in sorted(array_names(path)) if name not in used]
    return f"{', '.join(rest)} in it not used" if rest else ""


def _choose(path: Path) -> str:
    """The array of images. BadInput where it is not certain which that is."""
    names = array_names(path)
    if "arr_0" in names:
        check_no_other_images(path, names, {"arr_0"})
        return "arr_0"
    if len(statistics := {"mu", "sigma"} & set(names)) == 1:
        (present,), (absent,) = statistics, {"mu", "sigma"} - statistics
        raise BadInput(
            f"{path}: has {present} and no {absent}; statistics of images are both, mean and "
            "covariance"
        )
    if len(names) == 1:
        return names[0]
    listed = ", ".join(sorted(names)[:5]) or "nothing"
    if {"mu", "sigma"} <= set(names):
        raise BadInput(f"{path}: statistics of images ({listed}); the images themselves are needed")
    raise BadInput(f"{path}: has {listed}; images are looked for in arr_0, or in the only array")


def check_no_other_images(path: Path, names: Sequence[str], used: Set[str]) -> None:
    """Raise BadInput where an array of an `.npz` that is not `used` may be images: they would be
    lost without a word.
    """
    for name in sorted(set(names) - used):
        with _stream(path, name) as stream:
            shape, _, dtype = _header(stream)
        if dtype == np.uint8 and len(shape) in (3, 4):
            raise BadInput(
                f"{path}: {min(used & set(names))} and {name} may both be images; save those that "
                "are meant alone"
            )


def _read_image_header(path: Path, stream: IO[bytes]) -> tuple[int, int, int, int]:
    shape, fortran_order, dtype = _header(stream)
    _check_dtype(path, dtype)
    images = _image_shape(path, shape)
    if fortran_order:
        raise BadInput(f"{path}: stored in Fortran order; save np.ascontiguousarray(x)")
    return images


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Version 3.0 differs from 2.0 in names of fields only, and images have none."""
    major, _ = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if major == 1 else npy.read_array_header_2_0
    shape, fortran_order, dtype = read(stream)
    return shape, fortran_order, dtype


def _check_dtype(path: Path, dtype: np.dtype[np.generic]) -> None:
    if dtype == np.uint8:
        return
    needed = "uint8 values from 0 to 255 are needed"
    if dtype.hasobject:
        raise BadInput(f"{path}: pickled objects, which could run code; {needed}, saved as such")
    if dtype.kind == "f":
        raise BadInput(
            f"{path}: values are {dtype}; {needed}: for x in [0, 1] save "
            "(x * 255).round().clip(0, 255).astype(np.uint8), and for x in [-1, 1] take "
            "(x + 1) / 2 first"
        )
    if dtype.kind == "b":
        raise BadInput(f"{path}: values are bool; {needed}: save x * np.uint8(255)")
    if dtype.kind in "US":
        raise BadInput(f"{path}: values are text ({dtype}), not pixels; {needed}")
    cure = ": x.astype(np.uint8) if they are in it" if dtype.kind in "iu" else ""
    raise BadInput(f"{path}: values are {dtype}; {needed}{cure}")


def _image_shape(path: Path, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """N, H, W, C; a shape that is another layout is told what to do, never guessed at."""
    message = f"{path}: shape {shape}; N×H×W×C with C = 1 or 3, or N×H×W, is needed"
    if len(shape) == 3:
        if shape[2] in (1, 3, 4):
            raise BadInput(f"{message}: this looks like one image")
        return *shape, 1
    if len(shape) != 4:
        raise BadInput(message)
    if shape[3] in (1, 3):
        return shape[0], shape[1], shape[2], shape[3]
    if shape[1] in (1, 3):
        raise BadInput(f"{message}: this looks like N×C×H×W, so save x.transpose(0, 2, 3, 1)")
    if shape[3] == 4:
        raise BadInput(
            f"{message}: if the fourth channel is opacity, put the images on a background first, "
            "and save three"
        )
    raise BadInput(message)
