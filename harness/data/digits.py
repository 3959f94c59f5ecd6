"""`digits`: the 1,797 real handwritten digits that come inside scikit-learn."""

from __future__ import annotations

from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch.nn import functional as F

from harness.data.base import About, Split
from harness.data.source import Source


def load(_root: Path) -> tuple[Split, Split]:
    """Train (1,198) and test (599) images, uint8 N×1×16×16; every third image is a test image.

    The originals are 8×8 counts from 0 to 16. They are resized bilinearly (half-pixel centres) in
    float64, where this is exact, so that every machine gets the same bits; 16 becomes 255.
    """
    digits = load_digits()
    counts = torch.from_numpy(digits.images)[:, None]
    resized = F.interpolate(counts, size=(16, 16), mode="bilinear", align_corners=False)
    images = (resized * 255 / 16).round().to(torch.uint8)
    every = Split(images, torch.from_numpy(digits.target).to(torch.int64))
    test = torch.arange(len(every)) % 3 == 0
    return every.keep(~test), every.keep(test)


SOURCE = Source(
    About(
        title="Optical Recognition of Handwritten Digits (UCI)",
        licence="CC BY 4.0",
        citation="Alpaydin & Kaynak 1998, UCI Machine Learning Repository, doi:10.24432/C50P49",
        classes=tuple("0123456789"),
        extractor="classifier:digits",
        perceptual="classifier:digits",
    ),
    load,
    shapes={"train": (1198, 1, 16, 16), "test": (599, 1, 16, 16)},
)
