import io

import pytest
import torch
from PIL import Image

from harness.core.measurement import TRAINING_IMAGES
from harness.evaluation.pictures.sheets import grid_png, grid_tiles, stacked
from harness.report.results import ReportPicture
from harness.report.strips import side_by_side, strips

SIZE = 4


def images(value: int, count: int = 64, channels: int = 1) -> torch.Tensor:
    """Images of one brightness."""
    return torch.full((count, channels, SIZE, SIZE), value, dtype=torch.uint8)


def picture(model: str, png: bytes, kind: str = "samples", seed: int = 0, **more) -> ReportPicture:
    return ReportPicture("digits", model, seed, kind, png, "64 samples", **more)


def tiles(row: bytes) -> torch.Tensor:
    """The images of a row, N×C×S×S."""
    return grid_tiles(row, SIZE)


def test_real_images_stand_above_the_first_samples_of_each_model_in_order():
    numbered = images(0) + torch.arange(64, dtype=torch.uint8).view(-1, 1, 1, 1)
    pictures = [
        picture("b", grid_png(images(200), 8)),
        picture(TRAINING_IMAGES, grid_png(images(7), 8)),
        picture("a", grid_png(numbered, 8)),
    ]
    (strip,) = strips(pictures, ["a", "b"])
    assert [label for label, _ in strip.rows] == [TRAINING_IMAGES, "a", "b"]
    assert tiles(strip.rows[1][1])[:, 0, 0, 0].tolist() == list(range(8))
    assert tiles(strip.rows[2][1]).unique().tolist() == [200]


@pytest.mark.parametrize("damaged", [False, True])
def test_reconstructions_stand_below_what_they_are_made_of(damaged):
    def sheet(made: int) -> bytes:
        sets = [images(10, 32), *([images(20, 32)] if damaged else []), images(made, 32)]
        return stacked(sets, 8)

    pictures = [picture(m, sheet(v), "reconstructions") for m, v in (("a", 30), ("b", 40))]
    (strip,) = strips(pictures, ["a", "b"])
    labels = ["test images", *(["what models are given"] if damaged else []), "a", "b"]
    assert [label for label, _ in strip.rows] == labels
    values = [tiles(row).unique().tolist() for _, row in strip.rows]
    assert values == [[10], *([[20]] if damaged else []), [30], [40]]


def test_colours_are_kept():
    (strip,) = strips([picture("a", grid_png(images(9, channels=3), 8))], ["a"])
    assert tiles(strip.rows[0][1]).shape == (8, 3, SIZE, SIZE)


def test_points_and_grids_of_another_form_have_no_strip():
    buffer = io.BytesIO()
    Image.new("L", (100, 80)).save(buffer, "PNG")
    assert strips([picture("a", buffer.getvalue())], ["a"]) == []
    points = picture("a", grid_png(images(1), 8), smooth=True)
    assert strips([points], ["a"]) == []


def test_all_are_of_the_first_seed_that_most_models_have():
    png = grid_png(images(1), 8)
    pictures = [picture(m, png, seed=s) for m, s in (("a", 3), ("a", 1), ("b", 1), ("b", 3))]
    assert {p.seed for p in side_by_side(pictures, "samples")["digits"].values()} == {1}
    assert side_by_side(pictures, "reconstructions") == {}
