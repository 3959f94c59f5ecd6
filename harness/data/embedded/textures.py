"""`textures`: patches of photographs of brick, grass and gravel, some with defects made on purpose.

The photographs (512×512, grey) come inside scikit-image. Each is cut like a chessboard into squares
of 128×128: training patches are from the white ones and test patches from the black ones, so that
no pixel is in both, and both see all of the perspective. Half of the test patches have a defect
with an exact mask, drawn from a seed of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.random import RandomState
from numpy.typing import NDArray
from PIL import Image

from harness.core.errors import BadInput, suggest
from harness.core.seeding import derive
from harness.data.base import DatasetCard, Split
from harness.data.embedded.defects import KINDS, add_defect, random_integer
from harness.data.embedded.files import read_file
from harness.data.source import DatasetFactory, Source

PHOTOS = {
    "brick": "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
    "grass": "b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
    "gravel": "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
}
SQUARE = 128
SIZES = (16, 32, 64)
STEPS = 4
"""Training patches begin at every (size / STEPS)th pixel, down and across."""

Pixels = NDArray[np.uint8]


@cache
def photo(name: str) -> Pixels:
    """The photograph, uint8 512×512."""
    return np.asarray(Image.open(read_file(f"{name}.png", PHOTOS[name])))


def squares(name: str, black: bool) -> list[Pixels]:
    """The white or the black squares of a photograph, row by row, uint8 128×128 each."""
    pixels = photo(name)
    count = len(pixels) // SQUARE
    return [
        pixels[row * SQUARE : (row + 1) * SQUARE, column * SQUARE : (column + 1) * SQUARE]
        for row in range(count)
        for column in range(count)
        if (row + column) % 2 == black
    ]


def patches(name: str, black: bool, size: int, step: int) -> Pixels:
    """Return the patches that begin at every `step`th pixel of a square: N×size×size."""
    cut = [
        sliding_window_view(square, (size, size))[::step, ::step].reshape(-1, size, size)
        for square in squares(name, black)
    ]
    return np.concatenate(cut)


def load(names: tuple[str, ...], size: int) -> tuple[Split, Split]:
    """Patches of the photographs, uint8 N×1×size×size; label 0 is good, the others are `KINDS`.

    Training patches are good and overlap; test patches do not overlap.
    """
    train = np.concatenate([patches(name, False, size, size // STEPS) for name in names])
    parts = [_test(name, size) for name in names]
    images, labels, masks = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Split(_tensor(train), torch.zeros(len(train), dtype=torch.int64)), Split(
        _tensor(images), torch.from_numpy(labels), masks=torch.from_numpy(masks)
    )


def _tensor(images: Pixels) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(images[:, None]))


def _test(name: str, size: int) -> tuple[Pixels, NDArray[np.int64], NDArray[np.bool_]]:
    """Images, labels and masks of the test patches of a photograph."""
    images = patches(name, True, size, size)
    masks = np.zeros(images.shape, np.bool_)
    foreign = [patch for other in PHOTOS if other != name for patch in squares(other, True)]
    kinds = np.arange(len(images) // 2) % len(KINDS) + 1
    labels = np.zeros(len(images), np.int64)
    labels[_random(name, size, "labels").permutation(len(images))[: len(kinds)]] = kinds
    for index in np.flatnonzero(labels):
        random = _random(name, size, int(index))
        square = foreign[random_integer(random, 0, len(foreign))]
        top, left = (random_integer(random, 0, SQUARE - size + 1) for _ in range(2))
        other = square[top : top + size, left : left + size]
        kind = KINDS[labels[index] - 1]
        images[index], masks[index] = add_defect(kind, images[index], other, random)
    return images, labels, masks


def _random(*names: str | int) -> RandomState:
    """A generator of NumPy's whose stream never changes between versions."""
    return RandomState(derive(0, "textures", *names) % 2**32)


def _make(_: str, options: Mapping[str, str]) -> Source:
    photo = options.get("photo", "all")
    if photo not in (*PHOTOS, "all"):
        raise BadInput(
            f"textures: photo={photo}; known are {', '.join(PHOTOS)}{suggest(photo, PHOTOS)}"
        )
    size = options.get("size", "32")
    if size not in map(str, SIZES):
        raise BadInput(f"textures: size={size}; {', '.join(map(str, SIZES))} are possible")
    names = tuple(PHOTOS) if photo == "all" else (photo,)

    def splits(_root: Path) -> tuple[Split, Split]:
        return load(names, int(size))

    return Source(_CARD, splits)


_CARD = DatasetCard(
    title="Textures of brick, grass and gravel, with defects made on purpose",
    licence="CC0",
    citation="photographs of scikit-image: van der Walt et al. 2014, doi:10.7717/peerj.453",
    classes=("good", *KINDS),
)
TEXTURES = DatasetFactory(_make, ("photo", "size"))
