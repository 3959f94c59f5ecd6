"""Augmentations by numbers that come as noise."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from harness.objectives.augmentation import AUGMENTATIONS, augment_images, draw_augmentations


def images(n: int = 6, channels: int = 3, size: int = 16) -> Tensor:
    draws = torch.Generator().manual_seed(1)
    return torch.rand(n, channels, size, size, generator=draws, dtype=torch.float64) * 2 - 1


def drawn(kinds: list[str], n: int = 6, seed: int = 0) -> Tensor:
    return draw_augmentations(kinds, n, torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_images_keep_their_shape_and_each_depends_on_its_own_numbers_alone(kind: str) -> None:
    x, u = images(), drawn([kind])
    whole = augment_images(x, [kind], u)
    assert whole.shape == x.shape
    torch.testing.assert_close(whole[2:3], augment_images(x[2:3], [kind], u[2:3]))


@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_gradients_are_those_of_finite_differences(kind: str) -> None:
    x, u = images(2, 2, 8).requires_grad_(), drawn([kind], 2)
    assert torch.autograd.gradcheck(lambda x: augment_images(x, [kind], u), x)


def test_half_of_the_images_are_mirrored() -> None:
    x = images()
    u = torch.tensor([0.1, 0.6, 0.49, 0.5, 0.0, 0.99])[:, None]
    expected = [x[0].flip(2), x[1], x[2].flip(2), x[3], x[4].flip(2), x[5]]
    assert torch.equal(augment_images(x, ["flip"], u), torch.stack(expected))


def test_middle_numbers_change_no_colour() -> None:
    x, u = images(), torch.full((6, 1), 0.5, dtype=torch.float64)
    for kind in ("brightness", "saturation", "contrast"):
        torch.testing.assert_close(augment_images(x, [kind], u), x)


def test_saturation_of_zero_is_grey_and_contrast_keeps_the_mean() -> None:
    x, zero = images(), torch.zeros(6, 1, dtype=torch.float64)
    grey = augment_images(x, ["saturation"], zero)
    torch.testing.assert_close(grey, x.mean(1, keepdim=True).expand_as(x))
    flat = augment_images(x, ["contrast"], zero)
    torch.testing.assert_close(flat.mean((1, 2, 3)), x.mean((1, 2, 3)))
    torch.testing.assert_close(flat.std((1, 2, 3)), x.std((1, 2, 3)) / 2)


def test_translation_moves_by_whole_pixels_with_zeros_from_outside() -> None:
    x = images(1)
    # 5 shifts from -2 to 2: 0.9 is +2 rows and 0.3 is -1 columns.
    moved = augment_images(x, ["translation"], torch.tensor([[0.9, 0.3]], dtype=torch.float64))
    expected = F.pad(x[:, :, 2:, :-1], (1, 0, 0, 2))
    torch.testing.assert_close(moved, expected)


def test_cutout_sets_a_square_of_half_a_side_to_zero() -> None:
    x = images(50) + 3
    zeros = (augment_images(x, ["cutout"], drawn(["cutout"], 50)) == 0)[:, 0]
    rows, columns = zeros.any(2).sum(1), zeros.any(1).sum(1)
    assert torch.equal(zeros.sum((1, 2)), rows * columns)
    assert rows.max() == columns.max() == 8
    assert rows.min() >= 4  # at the border half of it lies outside


def test_the_largest_crop_is_the_image_and_a_crop_is_what_interpolation_gives() -> None:
    x = images()
    ones = torch.tensor([[1.0, 0.3, 0.6]], dtype=torch.float64).expand(6, 3)
    torch.testing.assert_close(augment_images(x, ["resized-crop"], ones), x)
    # A quarter of the area from the corner: bilinear interpolation of the corner's 8×8 pixels,
    # but for its last row and column, where it sees the pixels beyond.
    quarter = torch.tensor([[(0.25 - 0.08) / 0.92, 0.0, 0.0]], dtype=torch.float64).expand(6, 3)
    larger = F.interpolate(x[:, :, :8, :8], size=16, mode="bilinear", align_corners=False)
    cropped = augment_images(x, ["resized-crop"], quarter)
    torch.testing.assert_close(cropped[:, :, :15, :15], larger[:, :, :15, :15])


def test_kinds_are_applied_in_turn_each_by_its_own_numbers() -> None:
    x, kinds = images(), ["translation", "flip"]
    u = drawn(kinds)
    one_by_one = augment_images(augment_images(x, ["translation"], u[:, :2]), ["flip"], u[:, 2:])
    assert torch.equal(augment_images(x, kinds, u), one_by_one)
    assert torch.equal(augment_images(x, [], u[:, :0]), x)
