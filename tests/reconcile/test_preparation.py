"""What is done to pixels before a network sees them."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from harness.data.image_files import ImageResize
from harness.reconcile.preparation import (
    CENTRE,
    PATCH,
    SQUASHED,
    STORED,
    TRUNCATED,
    PreparedImage,
    crop_again,
    encode,
    encoding_of_side,
    encodings,
)

RANDOM = torch.Generator().manual_seed(0)
PHOTO = Image.fromarray(
    torch.randint(256, (20, 30, 3), generator=RANDOM, dtype=torch.uint8).numpy()
)
SET = torch.randint(256, (4, 3, 16, 16), generator=RANDOM, dtype=torch.uint8)


@pytest.mark.parametrize("how", ["bicubic", "bilinear", "box", "lanczos"])
def test_the_centre_square_is_what_score_makes_of_it(how: str):
    ours = PreparedImage(8, f"{CENTRE}|{how}").image(PHOTO)
    assert np.array_equal(np.asarray(ours), np.asarray(ImageResize(8, how).image(PHOTO)))


def test_a_centre_patch_has_the_pixels_of_the_middle():
    patch = PreparedImage(10, f"{PATCH}|bicubic").image(PHOTO)
    assert np.array_equal(np.asarray(patch), np.asarray(PHOTO)[5:15, 10:20])


def test_a_squashed_image_keeps_what_lies_at_its_sides():
    squashed = PreparedImage(20, f"{SQUASHED}|nearest").image(PHOTO)
    expected = np.asarray(PHOTO.resize((20, 20), Image.Resampling.NEAREST))
    assert np.array_equal(np.asarray(squashed), expected)


def test_tensorflow_takes_every_second_pixel_of_twice_the_size():
    large = Image.fromarray(np.asarray(PHOTO)[:20, :20])
    small = PreparedImage(10, f"{CENTRE}|tf1-bilinear").image(large)
    assert np.array_equal(np.asarray(small), np.asarray(large)[::2, ::2])


def test_pytorch_takes_the_mean_of_four_of_twice_the_size():
    large = np.asarray(PHOTO)[:20, :20]
    small = PreparedImage(10, f"{CENTRE}|bilinear without antialiasing").image(
        Image.fromarray(large)
    )
    means = large.astype(float).reshape(10, 2, 10, 2, 3).mean(axis=(1, 3))
    assert np.abs(np.asarray(small) - means).max() <= 0.5


@pytest.mark.parametrize("how", ["bicubic", "tf1-bilinear"])
def test_an_image_of_the_right_size_is_left_alone(how: str):
    square = Image.fromarray(np.asarray(PHOTO)[:20, :20])
    assert PreparedImage(20, f"{PATCH}|{how}").image(square) is square


def test_a_repeated_crop_enlarges_the_middle():
    cropped = crop_again(SET, 0.75, "nearest")
    assert cropped.shape == SET.shape
    middle = {tuple(x) for x in SET[0, :, 2:14, 2:14].flatten(1).T.tolist()}
    assert {tuple(x) for x in cropped[0].flatten(1).T.tolist()} == middle


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_pillows(channels: int):
    images = SET[:, :channels]
    file = io.BytesIO()
    pixels = images[0].permute(1, 2, 0).numpy()
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(file, "JPEG", quality=90)
    expected = np.asarray(Image.open(file)).reshape(16, 16, channels)
    made = encode(images, "JPEG 90")
    assert np.array_equal(made[0].permute(1, 2, 0).numpy(), expected)


def test_an_encoding_is_of_the_side_that_it_names():
    for encoding in encodings():
        sides = {"samples", "reference"} if "both" in encoding else {encoding.split()[0]}
        for side in ("samples", "reference"):
            changed = encoding_of_side(encoding, side) != STORED
            assert changed == (side in sides), encoding


def test_truncation_takes_one_or_nothing_off():
    less = SET.int() - encode(SET, TRUNCATED).int()
    assert set(less.unique().tolist()) == {0, 1}
    assert float(less[SET > 0].float().mean()) == pytest.approx(0.5, abs=0.05)
    assert not encode(torch.zeros_like(SET), TRUNCATED).any()
