"""Which figure a frame of `moving:shapes` shows, read off by comparing it with every one."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.data.generated import sprites
from harness.data.generated.moving import RADIUS, TILE

VALUES = (len(sprites.SHAPES), len(sprites.ROTATIONS), len(sprites.COLOURS))
"""How many shapes, rotations and colours there are."""

_BATCH = 64


@cache
def _masks() -> Tensor:
    """The mask of every shape in every rotation, 0 to 1, float32 K×1×TILE×TILE."""
    shape, rotation = (part.ravel() for part in np.indices(VALUES[:2]))
    middle = np.full_like(shape, TILE)
    figures = np.stack([shape, rotation, np.full_like(shape, RADIUS), middle, middle], axis=1)
    return torch.from_numpy(sprites.masks(figures, TILE, canvas=2 * TILE))[:, None].float() / 255


def read_moving_sprites(frames: Tensor) -> Tensor:
    """The shape, the rotation and the colour of the figure nearest to each of `frames`, uint8
    N×3×S×S: int64 N×3. Nearest is by the sum of squared differences of all pixels, over every
    figure at every place.
    """
    masks = _masks()
    colours = torch.tensor(list(sprites.COLOURS.values()), dtype=torch.float32)
    sizes = colours.square().sum(dim=1)[:, None] * masks.flatten(1).square().sum(dim=1)
    nearest = []
    for part in torch.split(frames, _BATCH):
        # |x − c·m|² = |x|² − 2 m·(c·x) + |c|²·|m|², c·x a sum over the channels.
        shades = torch.einsum("kc,nchw->nkhw", colours, part.float())
        overlaps = F.conv2d(shades.flatten(0, 1)[:, None], masks).flatten(2).amax(dim=2)
        distances = sizes - 2 * overlaps.view(*shades.shape[:2], -1)
        nearest.append(distances.transpose(1, 2).flatten(1).argmin(dim=1))
    figures = np.unravel_index(torch.cat(nearest).numpy(), VALUES)
    return torch.from_numpy(np.stack(figures, axis=1).astype(np.int64))
