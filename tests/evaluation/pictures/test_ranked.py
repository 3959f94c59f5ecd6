"""Pictures in the order of classes and of errors."""

import io

import numpy as np
import torch
from PIL import Image

from harness.evaluation.evidence import Evidence
from harness.evaluation.pictures.ranked import draw_ranked_reconstructions, draw_samples_by_class
from harness.evaluation.pictures.sheets import caption_of
from harness.evaluation.protocols import EvalConfig


def greys(png: bytes) -> list[list[int]]:
    """The grey of each image of a grid, row by row, of images with 4×4 equal pixels."""
    pixels = np.asarray(Image.open(io.BytesIO(png)))
    return pixels[1::5, 1::5].tolist()


def flat(*values: int) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 4, 4)


def test_each_row_has_the_first_samples_of_one_class():
    labels = torch.tensor([2, 0, 2, 0, 0])
    evidence = Evidence(
        {"samples": flat(10, 20, 30, 40, 50), "sample_labels": labels}, EvalConfig({}, samples=5)
    )
    png = draw_samples_by_class(evidence)
    assert greys(png) == [[20, 40, 50, *[255] * 5], [10, 30, *[255] * 6]]
    assert caption_of(png) == "From the top: class 0, 2."


def test_the_worst_and_the_best_stand_above_their_reconstructions():
    originals = flat(*range(0, 200, 10))
    errors = torch.tensor([3, 17, 1, 9, 12, 5, 19, 2, 15, 7, 11, 4, 18, 6, 14, 8, 20, 10, 13, 16])
    made = originals + errors.to(torch.uint8).view(-1, 1, 1, 1)
    evidence = Evidence(
        {"originals": originals, "reconstructions": made, "test_sources": None}, EvalConfig({})
    )
    rows = greys(draw_ranked_reconstructions(evidence))
    differences = [
        [b - a for a, b in zip(above, below, strict=True)]
        for above, below in zip(rows[::2], rows[1::2], strict=True)
    ]
    assert differences == [list(range(20, 12, -1)), list(range(1, 9))]
    first = int(errors.argmax())
    assert rows[0][0] == 10 * first


def test_fewer_images_than_a_picture_has_room_for_are_in_one_half_alone():
    evidence = Evidence(
        {"originals": flat(1, 2, 3), "reconstructions": flat(1, 2, 9), "test_sources": None},
        EvalConfig({}),
    )
    assert greys(draw_ranked_reconstructions(evidence)) == [[3], [9], [1], [1]]
