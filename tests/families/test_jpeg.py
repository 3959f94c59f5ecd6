"""JPEG as an entrant: its bits, its quality, what it refuses."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.data.loader import Batches
from harness.data.pixels import to_float, to_uint8
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.capabilities import Compresses, Reconstructs
from harness.families.jpeg import JPEG

DIGITS = load_dataset("digits")
X = to_float(DIGITS.test.images[:100])


def fitted(bits: int) -> JPEG:
    family = build_family("jpeg", {"bits": bits}, ImageShape(1, 16))
    assert isinstance(family, JPEG)
    begin = family.phases()[0].begin
    assert begin is not None
    begin(family.networks, Batches(DIGITS.train, 32, 0), torch.Generator())
    return family


def pillow(image: Tensor, quality: int) -> bytes:
    file = BytesIO()
    Image.fromarray(to_uint8(image)[0].numpy()).save(file, "JPEG", quality=quality)
    return file.getvalue()


def test_reconstructions_are_pillows() -> None:
    family = fitted(300)
    quality = int(family.networks["quality"].value)
    for image, made in zip(X[:5], family.reconstruct(X[:5]), strict=True):
        expected = np.array(Image.open(BytesIO(pillow(image, quality))))
        assert np.array_equal(to_uint8(made)[0].numpy(), expected)


def test_the_quality_is_the_best_within_the_bits() -> None:
    family = fitted(300)
    quality = family.networks["quality"].value
    x = to_float(DIGITS.train.images)
    assert family.code_bits(x).mean() < 310  # it was chosen by a part of them
    quality += 2
    assert family.code_bits(x).mean() > 300


def test_more_bits_make_less_error() -> None:
    errors = [float((fitted(bits).reconstruct(X) - X).square().mean()) for bits in (150, 300, 600)]
    assert errors == sorted(errors, reverse=True)


def test_headers_are_not_counted() -> None:
    family = fitted(300)
    quality = int(family.networks["quality"].value)
    file = pillow(X[0], quality)
    scan = file[file.index(b"\xff\xda") :]
    # Marker and header of a scan of one component are 10 bytes, the end marker is 2.
    assert float(family.code_bits(X[:1])) == 8 * (len(scan) - 12)


def test_too_few_bits_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="bits an image at the lowest quality, above the 10"):
        fitted(10)


def test_colours_are_taken_and_points_are_not() -> None:
    family = build_family("jpeg", {}, ImageShape(3, 8))
    assert isinstance(family, Compresses)
    assert isinstance(family, Reconstructs)
    assert family.reconstruct(torch.zeros(2, 3, 8, 8)).shape == (2, 3, 8, 8)
    for shape in (ImageShape(2, 1, pixels=False), ImageShape(4, 8)):
        with pytest.raises(BadInput, match="JPEG takes 8-bit images of 1 or 3 channels"):
            build_family("jpeg", {}, shape)
