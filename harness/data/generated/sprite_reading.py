"""The factors of an image, read off by comparing it with every image that `shapes` can have."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from harness.data.generated import sprites

FIGURES = int(np.prod(sprites.VALUES[:-1]))
"""Figures without their colours."""

_BATCH = 100


@lru_cache(maxsize=2)
def _masks(size: int) -> Tensor:
    """The mask of every figure, from 0 to 1, float32 (size·size)×FIGURES."""
    numbers = np.unravel_index(np.arange(FIGURES), sprites.VALUES[:-1])
    shape, scale, rotation, x, y = numbers
    radii, places = np.array(sprites.RADII), np.array(sprites.PLACES)
    figures = np.stack([shape, rotation, radii[scale], places[x], places[y]], axis=1)
    parts = [sprites.masks(part, size) for part in np.array_split(figures, FIGURES // 200)]
    return torch.from_numpy(np.concatenate(parts)).flatten(1).T.contiguous().float() / 255


def read_sprite_factors(images: Tensor) -> Tensor:
    """The factors of the image of `shapes` nearest to each of `images`, uint8 N×3×S×S: int64 N×6 in
    the order of `sprites.FACTORS`. Nearest is by the sum of the squared differences of all pixels,
    which is the likeliest image under Gaussian noise. Of several equally near the first counts.

    All 14,400 images are compared: with the mask m of a figure and a colour c, an image x is at
    |x − c·m|² = |x|² − 2 m·(c·x) + |c|²·|m|², the products c·x being sums over the channels.
    """
    masks = _masks(images.shape[-1])
    colours = torch.tensor(list(sprites.COLOURS.values()), dtype=torch.float32)
    areas = masks.square().sum(dim=0)
    lights = colours.square().sum(dim=1)
    nearest = []
    for part in torch.split(images, _BATCH):
        shades = torch.einsum("kc,ncp->nkp", colours, part.flatten(2).float())
        # Figures come first and colours last, as in a number of all factors.
        distances = (lights[:, None] * areas - 2 * shades @ masks).transpose(1, 2)
        nearest.append(distances.flatten(1).argmin(dim=1))
    factors = np.unravel_index(torch.cat(nearest).numpy(), sprites.VALUES)
    return torch.from_numpy(np.stack(factors, axis=1).astype(np.int64))
