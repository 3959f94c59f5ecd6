"""`faces`: 100 faces and 100 other patches of photographs, of LFW, from scikit-image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from harness.data.base import DatasetCard, Split
from harness.data.embedded.files import read_file
from harness.data.source import Source

SHA256 = "9560ec2f5edfac01973f63a8a99d00053fecd11e21877e18038fbe500f8e872c"
SIZE = 24
COUNT = 100


def load(_root: Path) -> tuple[Split, Split]:
    """Train (133) and test (67) images, uint8 N×1×24×24; every third image is a test image.

    The originals are grey values in [0, 1] of 25×25 pixels, an odd number, which networks that
    halve an image do not take. Their last row and column are left out, so that nothing is resized.
    """
    values = np.load(read_file("lfw_subset.npy", SHA256), allow_pickle=False)
    pixels = np.rint(values[:, None, :SIZE, :SIZE] * 255).astype(np.uint8)
    is_other = torch.arange(len(pixels)) >= COUNT
    every = Split(torch.from_numpy(pixels), is_other.to(torch.int64))
    test = torch.arange(len(every)) % 3 == 0
    return every.keep(~test), every.keep(test)


SOURCE = Source(
    DatasetCard(
        title="Faces and other patches of LFW (scikit-image's subset)",
        licence="none stated by its authors",
        citation="Huang, Mattar, Lee & Learned-Miller 2012, Learning to Align from Scratch",
        classes=("face", "other"),
    ),
    load,
    shapes={"train": (133, 1, SIZE, SIZE), "test": (67, 1, SIZE, SIZE)},
)
