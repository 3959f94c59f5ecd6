"""dSprites and 3D Shapes: every combination of known factors of variation, once.

They have no split of their own. A tenth of the images, drawn by NumPy's RandomState(0), whose
stream is frozen, are the test images; both splits keep the order of the files.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from harness.core.errors import BadInput, read_error
from harness.data.base import DatasetCard
from harness.data.block_set import ImageBlock
from harness.data.standard.array_set import ArraySet, maker
from harness.data.standard.files import Files

BLOCK = 5_000

DSPRITES_FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
SHAPES3D_FILE = "3dshapes.h5"


def in_split(count: int, split: str) -> NDArray[np.bool_]:
    """Which of `count` images are in the split `train` or `test`."""
    test = np.zeros(count, np.bool_)
    test[np.random.RandomState(0).permutation(count)[: count // 10]] = True
    return test if split == "test" else ~test


def split_counts(count: int) -> dict[str, int]:
    """How many of `count` images each split has."""
    return {"train": count - count // 10, "test": count // 10}


def _dsprites(folder: Path, split: str) -> Iterator[ImageBlock]:
    """Of the six latents the first, the colour, has one value; the second is the shape."""
    path = folder / DSPRITES_FILE
    try:
        with zipfile.ZipFile(path) as archive:
            with archive.open("latents_classes.npy") as stream:
                latents = np.concatenate(list(_npy_blocks(path, stream)))
            with archive.open("imgs.npy") as stream:
                mask = in_split(len(latents), split)
                start = 0
                for images in _npy_blocks(path, stream):
                    block = slice(start, start + len(images))
                    pixels, factors = images[mask[block]], latents[block][mask[block], 1:]
                    yield ImageBlock(pixels[:, None] * np.uint8(255), factors[:, 0], factors)
                    start = block.stop
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise read_error(path, error) from error


def _npy_blocks(path: Path, stream: IO[bytes]) -> Iterator[NDArray[Any]]:
    """The array in a `.npy`, in blocks: whole, dSprites' images take 3 GB."""
    major, _ = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if major == 1 else npy.read_array_header_2_0
    shape, fortran_order, kind = read(stream)
    if fortran_order or kind.hasobject:
        raise BadInput(f"{path}: not the arrays of dSprites")
    each = kind.itemsize * int(np.prod(shape[1:]))
    for start in range(0, shape[0], BLOCK):
        count = min(BLOCK, shape[0] - start)
        content = stream.read(count * each)
        if len(content) < count * each:
            raise BadInput(f"{path}: cut short")
        yield np.frombuffer(content, kind).reshape(count, *shape[1:])
    stream.read(1)  # at its end zipfile compares the checksum


def _shapes3d(folder: Path, split: str) -> Iterator[ImageBlock]:
    """The file has the values of the factors; here each is the number of the value in order."""
    path = folder / SHAPES3D_FILE
    try:
        import h5py  # noqa: PLC0415 - an extra that this set alone needs
    except ImportError as error:
        raise BadInput(
            f"{path}: reading HDF5 files needs the package h5py; install it with "
            "pip install 'harness[hdf5]'"
        ) from error
    try:
        with h5py.File(path, "r") as file:
            values = file["labels"][:]
            factors = np.stack(
                [np.unique(column, return_inverse=True)[1] for column in values.T], axis=1
            )
            mask = in_split(len(factors), split)
            for start in range(0, len(factors), BLOCK):
                block = slice(start, start + BLOCK)
                pixels, rows = file["images"][block][mask[block]], factors[block][mask[block]]
                yield ImageBlock(pixels.transpose(0, 3, 1, 2), rows[:, 4], rows)
    except (OSError, KeyError, ValueError) as error:
        raise read_error(path, error) from error


DSPRITES_SET = ArraySet(
    "dsprites",
    DatasetCard(
        title="dSprites",
        licence="Apache 2.0 (its repository)",
        citation="Matthey et al. 2017, github.com/google-deepmind/dsprites-dataset",
        classes=("square", "ellipse", "heart"),
        factors=("shape", "scale", "orientation", "x", "y"),
    ),
    Files(
        "dSprites",
        Path("dsprites"),
        {DSPRITES_FILE: ""},
        home="github.com/google-deepmind/dsprites-dataset",
    ),
    split_counts(737_280),
    (1, 64, 64),
    _dsprites,
)
SHAPES3D_SET = ArraySet(
    "shapes3d",
    DatasetCard(
        title="3D Shapes",
        licence="Apache 2.0 (its repository)",
        citation="Burgess & Kim 2018, github.com/google-deepmind/3d-shapes",
        classes=("shape 0", "shape 1", "shape 2", "shape 3"),
        factors=("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation"),
    ),
    Files(
        "3D Shapes",
        Path("shapes3d"),
        {SHAPES3D_FILE: ""},
        home="github.com/google-deepmind/3d-shapes",
    ),
    split_counts(480_000),
    (3, 64, 64),
    _shapes3d,
)
DSPRITES = maker(DSPRITES_SET)
SHAPES3D = maker(SHAPES3D_SET)
