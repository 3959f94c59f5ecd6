"""`digits`: the 1,797 real handwritten digits that come inside scikit-learn."""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from harness.core.errors import BadInput
from harness.data.base import DatasetCard, Split
from harness.data.embedded.files import read_packaged
from harness.data.source import DatasetFactory, Source

NATIVE, ENLARGED = 8, 16
"""Pixels a side: of the originals, and of what `digits` is if no size is given."""

TITLE = "Optical Recognition of Handwritten Digits (UCI)"


def load(size: int, _root: Path) -> tuple[Split, Split]:
    """Train (1,198) and test (599) images, uint8 N×1×S×S; every third image is a test image.

    The originals are 8×8 counts from 0 to 16, of which 16 becomes 255. To 16×16 they are enlarged
    bilinearly (half-pixel centres) in float64, where this is exact, so that every machine gets the
    same bits.
    """
    _, packed = read_packaged("scikit-learn", "digits.csv.gz")
    rows = torch.from_numpy(np.loadtxt(io.BytesIO(gzip.decompress(packed)), delimiter=","))
    counts = rows[:, :-1].reshape(-1, 1, NATIVE, NATIVE)
    if size != NATIVE:
        counts = F.interpolate(counts, size=(size, size), mode="bilinear", align_corners=False)
    images = (counts * 255 / 16).round().to(torch.uint8)
    every = Split(images, rows[:, -1].to(torch.int64))
    test = torch.arange(len(every)) % 3 == 0
    return every.keep(~test), every.keep(test)


def _make(_: str, options: Mapping[str, str]) -> Source:
    text = options.get("size", str(ENLARGED))
    if text not in (str(NATIVE), str(ENLARGED)):
        raise BadInput(
            f"digits: size={text}; there are {NATIVE} (pixels as they are) and {ENLARGED} "
            "(enlarged bilinearly)"
        )
    size, enlarged = int(text), int(text) != NATIVE
    card = DatasetCard(
        title=f"{TITLE}, enlarged from {NATIVE}×{NATIVE}" if enlarged else TITLE,
        licence="CC BY 4.0",
        citation="Alpaydin & Kaynak 1998, UCI Machine Learning Repository, doi:10.24432/C50P49",
        classes=tuple("0123456789"),
        # Our classifier takes images of one size only; of others Inception is the judge.
        extractor="classifier:digits" if enlarged else "inception",
        perceptual="classifier:digits" if enlarged else "lpips:alex",
        enlarged_from=NATIVE if enlarged else 0,
    )
    shapes = {"train": (1198, 1, size, size), "test": (599, 1, size, size)}
    return Source(card, partial(load, size), shapes=shapes)


DIGITS = DatasetFactory(_make, ("size",))
