import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from harness.data import Dataset, DatasetCard, Split
from harness.data import contact_sheet as module
from harness.data.contact_sheet import GAP, MARGIN, contact_sheet
from harness.data.scatter import scatter

WHITE = (255, 255, 255)


def dataset(classes: int = 2, size: int = 32, channels: int = 3, **more) -> Dataset:
    """One image a class, each of one colour, which is its label."""
    labels = torch.arange(classes)
    images = labels.to(torch.uint8)[:, None, None, None].expand(-1, channels, size, size)
    card = DatasetCard("t", "l", "c", tuple(map(str, range(classes))), "", "")
    split = Split(images.contiguous(), labels, **more)
    return Dataset("made", split, split, card)


def drawn(made: Dataset) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(contact_sheet(made))).convert("RGB"))


def columns(image: np.ndarray, colour: tuple[int, int, int]) -> list[int]:
    return np.flatnonzero((image == colour).all(axis=2).sum(axis=0) >= 32).tolist()


def rows(image: np.ndarray, colour: tuple[int, int, int]) -> list[int]:
    return np.flatnonzero((image == colour).all(axis=2).sum(axis=1) >= 32).tolist()


def test_each_class_has_a_row_with_train_on_the_left_and_test_on_the_right():
    image = drawn(dataset())
    for label in (0, 1):
        found = rows(image, (label,) * 3)
        assert len(found) == 32
        assert found == list(range(found[0], found[0] + 32))
        across = columns(image, (label,) * 3)
        assert len(across) == 64
        assert across[32] - across[31] == 2 * MARGIN + GAP + 1
    assert rows(image, (1,) * 3)[0] - rows(image, (0,) * 3)[0] == 32 + GAP


def test_a_class_without_images_in_a_split_stays_blank():
    made = dataset()
    made = replace(made, train=made.train.keep(made.train.labels == 0), unseen=(1,))
    assert len(columns(drawn(made), (0, 0, 0))) == 64
    assert len(columns(drawn(made), (1, 1, 1))) == 32


def test_small_images_are_enlarged_and_large_ones_made_smaller():
    assert len(rows(drawn(dataset(size=16)), (1, 1, 1))) == 32
    assert len(rows(drawn(dataset(size=10)), (1, 1, 1))) == 40
    assert len(rows(drawn(dataset(size=200)), (1, 1, 1))) == module.LARGEST


def test_sources_stand_before_an_image_and_masks_behind():
    grey = torch.full((2, 1, 32, 32), 99, dtype=torch.uint8)
    masks = torch.ones(2, 32, 32, dtype=torch.bool)
    image = drawn(dataset(sources=grey, masks=masks))
    top = rows(image, (1, 1, 1))[16]
    line = image[top]
    start = int(np.flatnonzero((line == 99).all(axis=1))[0])
    assert (line[start : start + 32] == 99).all()
    assert (line[start + 33 : start + 65] == 1).all()
    assert (line[start + 66 : start + 98] == 255).all()


@pytest.mark.parametrize("parts", [(), ("sources",), ("masks",), ("sources", "masks")])
def test_a_row_has_as_many_tiles_whatever_belongs_to_an_image(parts):
    """Four times as many images as there is room for; a mask or a source takes the room of one."""
    count = 4 * module.TILES
    beside = {
        "sources": torch.full((count, 1, 32, 32), 99, dtype=torch.uint8),
        "masks": torch.ones(count, 32, 32, dtype=torch.bool),
    }
    images = torch.zeros(count, 1, 32, 32, dtype=torch.uint8)
    more = {name: beside[name] for name in parts}
    split = Split(images, torch.zeros(count, dtype=torch.int64), **more)
    made = replace(dataset(), train=split, test=split)
    shown = 2 * (module.TILES // (1 + len(parts)))
    assert len(columns(drawn(made), (0, 0, 0))) == 32 * shown
    assert len(columns(drawn(made), (99, 99, 99))) == 32 * shown * ("sources" in parts)


def test_frames_stand_side_by_side():
    made = dataset(channels=4)
    made = replace(made, card=replace(made.card, frames=4))
    assert len(columns(drawn(made), (1, 1, 1))) == 2 * 4 * 32


def test_of_many_classes_the_first_are_shown_and_the_rest_counted(monkeypatch):
    monkeypatch.setattr(module, "MOST_CLASSES", 3)
    few, many = drawn(dataset(classes=3)), drawn(dataset(classes=5))
    assert len(many) == len(few) + 32 + GAP  # the line that says so
    assert not columns(many, (3, 3, 3))


def test_images_of_real_numbers_are_shown_as_pixels():
    made = dataset()
    images = torch.full((2, 1, 32, 32), -1.0)
    split = replace(made.train, images=images)
    assert len(columns(drawn(replace(made, train=split, test=split)), (0, 0, 0))) == 64


def test_points_in_the_plane_are_drawn_as_points():
    split = Split(torch.zeros(5, 2, 1, 1), torch.zeros(5, dtype=torch.int64))
    card = DatasetCard("t", "l", "c", ("one",), "", "")
    assert drawn(Dataset("points", split, split, card)).shape == (600, 600, 3)


@pytest.mark.parametrize(("places", "titles"), [((0, 1), []), ((0, 1.5), ["1 of 2 outside"])])
def test_points_outside_of_the_drawing_are_counted(monkeypatch, places, titles):
    written = []
    monkeypatch.setattr(
        "matplotlib.axes.Axes.set_title", lambda axes, text, **style: written.append(text)
    )
    points = torch.tensor([[x, 0.0] for x in places]).reshape(2, 2, 1, 1)
    scatter(points, torch.zeros(5, 2, 1, 1))
    assert written == titles
