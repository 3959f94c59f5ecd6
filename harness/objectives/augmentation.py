"""Augmentations of images as pure functions of images and of numbers that come as noise.

Each takes images float N×C×S×S in [-1, 1] and uniform numbers N×k in [0, 1), k being its
`parameters`; it gives images of the same shape and is differentiable in them, as augmenting a
discriminator's inputs needs. Shifts and crops are products with matrices of rows and of columns,
whose gradients are the same bits on every run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    """What is done to images, and how many uniform numbers it takes for each of them."""

    parameters: int
    apply: Callable[[Tensor, Tensor], Tensor]


def mirror(x: Tensor, u: Tensor) -> Tensor:
    """Half of the images mirrored from left to right."""
    return torch.where(u[:, :1, None, None] < 0.5, x.flip(3), x)


def shift_brightness(x: Tensor, u: Tensor) -> Tensor:
    """Values moved by up to ±0.5 on a scale from -1 to 1 (DiffAugment, "color")."""
    return x + (_column(u, 0) - 0.5)


def scale_saturation(x: Tensor, u: Tensor) -> Tensor:
    """The distance of a pixel's channels from their mean, times 0 to 2 (DiffAugment, "color")."""
    mean = x.mean(dim=1, keepdim=True)
    return (x - mean) * (2 * _column(u, 0)) + mean


def scale_contrast(x: Tensor, u: Tensor) -> Tensor:
    """The distance of all values from the image's mean, times 0.5 to 1.5 (DiffAugment, "color")."""
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    return (x - mean) * (_column(u, 0) + 0.5) + mean


def shift_pixels(x: Tensor, u: Tensor) -> Tensor:
    """Images moved by whole pixels, up to an eighth of a side each way; what comes in is 0
    (DiffAugment).
    """
    size = x.shape[-1]
    reach = int(size / 8 + 0.5)
    shifts = (u * (2 * reach + 1)).floor() - reach
    places = torch.arange(size, device=x.device) + shifts[:, :, None]
    return _resample(x, places[:, 0], places[:, 1])


def cut_out(x: Tensor, u: Tensor) -> Tensor:
    """A square of half a side set to 0 at a random place, partly outside (DiffAugment; DeVries &
    Taylor 2017, arXiv:1708.04552).
    """
    size = x.shape[-1]
    side = int(size / 2 + 0.5)
    corners = (u * (size + (1 - side % 2))).floor() - side // 2
    places = torch.arange(size, device=x.device)
    inside = (places >= corners[:, :, None]) & (places < corners[:, :, None] + side)
    return x.masked_fill((inside[:, 0, :, None] & inside[:, 1, None, :])[:, None], 0)


def crop_and_resize(x: Tensor, u: Tensor) -> Tensor:
    """A square of 8 to 100 % of the image's area at a random place, enlarged to the image's size by
    bilinear interpolation (Szegedy et al. 2015, arXiv:1409.4842; as in SimCLR, with squares).
    """
    size = x.shape[-1]
    side = (0.08 + 0.92 * u[:, 0]).sqrt() * size
    starts = u[:, 1:] * (size - side)[:, None]
    steps = (torch.arange(size, device=x.device) + 0.5) * (side / size)[:, None]
    places = (starts[:, :, None] + steps[:, None] - 0.5).clamp(0, size - 1)
    return _resample(x, places[:, 0], places[:, 1])


AUGMENTATIONS: Mapping[str, Augmentation] = {
    "flip": Augmentation(1, mirror),
    # Zhao et al. 2020, arXiv:2006.10738 (DiffAugment), section 4 and the authors' settings.
    "brightness": Augmentation(1, shift_brightness),
    "saturation": Augmentation(1, scale_saturation),
    "contrast": Augmentation(1, scale_contrast),
    "translation": Augmentation(2, shift_pixels),
    "cutout": Augmentation(2, cut_out),
    # Chen et al. 2020, arXiv:2002.05709 (SimCLR), appendix A.
    "resized-crop": Augmentation(3, crop_and_resize),
}
"""By the name that recipes give it; they are applied in the order in which a recipe lists them."""


def draw_augmentations(kinds: Sequence[str], n: int, generator: torch.Generator) -> Tensor:
    """Uniform numbers for all of `kinds`, one after the other: float n×k."""
    count = sum(AUGMENTATIONS[kind].parameters for kind in kinds)
    return torch.rand(n, count, generator=generator, device=generator.device)


def augment_images(x: Tensor, kinds: Sequence[str], u: Tensor) -> Tensor:
    """Images N×C×S×S after each of `kinds` in turn, by the numbers `u` of `draw_augmentations`."""
    counts = [AUGMENTATIONS[kind].parameters for kind in kinds]
    for kind, numbers in zip(kinds, torch.split(u, counts, dim=1) if kinds else (), strict=True):
        x = AUGMENTATIONS[kind].apply(x, numbers)
    return x


def _column(u: Tensor, index: int) -> Tensor:
    return u[:, index, None, None, None]


def _resample(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Images of the values at the places `rows` × `columns` of `x`, each N×S in pixels, between
    pixels by bilinear interpolation; 0 outside.
    """
    pixels = torch.arange(x.shape[-1], device=x.device)

    def weights(places: Tensor) -> Tensor:
        near = (1 - (places[:, :, None] - pixels).abs()).clamp(min=0)
        return near[:, None].to(x.dtype)

    resampled: Tensor = weights(rows) @ x @ weights(columns).transpose(2, 3)
    return resampled
