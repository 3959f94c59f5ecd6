import io

import numpy as np
import pytest
import torch
from PIL import Image

from harness.evaluation.evidence import Evidence
from harness.evaluation.pictures.images import (
    draw_neighbours,
    draw_reconstructions,
    draw_samples,
)
from harness.evaluation.pictures.sheets import grid_png, stacked
from harness.evaluation.protocols import SAMPLING_BATCH, EvalConfig


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_stands_whole_in_its_place(channels: int):
    images = torch.randint(0, 255, (5, channels, 4, 4), dtype=torch.uint8)
    sheet = pixels(grid_png(images, 3)).reshape(2 * 5 + 1, 3 * 5 + 1, channels)
    for i, image in enumerate(images):
        top, left = 1 + 5 * (i // 3), 1 + 5 * (i % 3)
        cell = sheet[top : top + 4, left : left + 4]
        assert np.array_equal(cell, image.permute(1, 2, 0).numpy())
    assert (sheet[6:, 11:] == 255).all(), "an empty place is white"
    assert (sheet[0] == 255).all()


def test_reconstructions_stand_below_their_originals():
    originals, copies = torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.ones(4, 1, 2, 2).byte()
    sheet = pixels(stacked([originals, copies], 2))
    assert [int(sheet[1 + 3 * row, 1]) for row in range(4)] == [0, 1, 0, 1]


class Inverter:
    """Reconstructs images as their negatives, and counts them."""

    seen = 0

    def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += len(x)
        return -x


@pytest.mark.parametrize("measured", [False, True])
def test_no_more_is_reconstructed_than_is_shown_or_was_measured(measured: bool):
    images = torch.arange(100, dtype=torch.uint8).view(100, 1, 1, 1).expand(-1, 1, 8, 8)
    model = Inverter()
    given = {"reference_images": images, "test_sources": None, "unpaired": False}
    evidence = Evidence(given, EvalConfig({}), model=model)  # type: ignore[arg-type]
    if measured:
        assert len(evidence["reconstructions"]) == 100
    sheet = pixels(draw_reconstructions(evidence))
    rows = [[int(sheet[1 + 9 * row, 1 + 9 * column]) for column in range(8)] for row in range(8)]
    assert rows[::2] == [list(range(start, start + 8)) for start in (0, 8, 16, 24)]
    assert rows[1::2] == [[255 - value for value in row] for row in rows[::2]]
    assert model.seen == (100 if measured else 32)
    assert len(evidence["reconstructions"]) == 100, "what is measured later is of all"


class Counter:
    """Samples images of one grey, and counts them."""

    seen = 0
    samples_at_once = False

    def sample(self, n: int, generator: torch.Generator) -> torch.Tensor:
        self.seen += n
        return torch.zeros(n, 1, 8, 8)


@pytest.mark.parametrize("measured", [False, True])
def test_no_more_is_sampled_than_is_shown_or_was_measured(measured: bool):
    images = torch.zeros(10, 1, 8, 8, dtype=torch.uint8)
    model = Counter()
    setup = EvalConfig({}, samples=1000)
    evidence = Evidence({"reference_images": images}, setup, model=model)  # type: ignore[arg-type]
    if measured:
        assert len(evidence["samples"]) == 1000
    assert pixels(draw_samples(evidence)).shape == (8 * 9 + 1, 8 * 9 + 1)
    assert model.seen == (1000 if measured else SAMPLING_BATCH)
    assert len(evidence["samples"]) == 1000, "what is measured later is of all"


def test_a_copied_training_image_is_the_first_suspect():
    draws = torch.Generator().manual_seed(0)
    train, samples = torch.randint(0, 200, (2, 20, 1, 4, 4), generator=draws).byte()
    samples[13] = train[7]
    given = {"samples": samples, "train_images": train}
    features = {f"{k.removesuffix('s').removesuffix('_image')}_features": v.flatten(1).float()
                for k, v in given.items()}  # fmt: skip
    sheet = pixels(draw_neighbours(Evidence({**given, **features}, EvalConfig({}))))
    assert np.array_equal(sheet[1:5, 1:5], samples[13, 0].numpy())
    assert np.array_equal(sheet[1:5, 6:10], train[7, 0].numpy())
    assert sheet.shape == (8 * 5 + 1, 6 * 5 + 1)
