import io

import numpy as np
import pytest
import torch
from PIL import Image

from harness.evaluation.pictures import grid, pairs


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_stands_whole_in_its_place(channels: int):
    images = torch.randint(0, 255, (5, channels, 4, 4), dtype=torch.uint8)
    sheet = pixels(grid(images, 3)).reshape(2 * 5 + 1, 3 * 5 + 1, channels)
    for i, image in enumerate(images):
        top, left = 1 + 5 * (i // 3), 1 + 5 * (i % 3)
        cell = sheet[top : top + 4, left : left + 4]
        assert np.array_equal(cell, image.permute(1, 2, 0).numpy())
    assert (sheet[6:, 11:] == 255).all(), "an empty place is white"
    assert (sheet[0] == 255).all()


def test_reconstructions_stand_below_their_originals():
    originals, copies = torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.ones(4, 1, 2, 2).byte()
    sheet = pixels(pairs(originals, copies, 2))
    assert [int(sheet[1 + 3 * row, 1]) for row in range(4)] == [0, 1, 0, 1]
