"""An invisible watermark that only the holder of a key can find, and its detector.

Spread-transform dither modulation (Chen & Wornell 2001, "Quantization index modulation", IEEE
Transactions on Information Theory 47(4), section V.B): in each block of 8×8 pixels the projections
of the brightness on secret directions are moved to a lattice that a secret offset shifts. The
offset of a projection is uniform over the lattice's step and independent of any image. So in an
image without the watermark each projection lies near its lattice with probability exactly 1/2,
whatever the image, and the number that do is binomial: the detector's false-alarm rate, over keys.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import binom
from torch import Tensor
from torch.nn.functional import interpolate

from harness.core.errors import BadInput

Floats = NDArray[np.float64]

BLOCK = 8
DIRECTIONS = 6
"""Projections of a block."""
LOWEST, HIGHEST = 1, 3
"""The directions mix the DCT's waves whose two indices have a sum in this range: JPEG and resizing
keep them, and the block's mean is not among them.
"""
STEP = 48.0
"""Of the lattice, in levels of 8 bits times pixels: see docs/safety.md for how visible it is."""
ROUNDS = 30
"""Embedding is repeated, since pixels are whole and within 0 and 255."""


@dataclass(frozen=True)
class _Secrets:
    """Of every block of an image: directions R×S×DIRECTIONS×8×8, orthonormal within a block, and
    offsets R×S×DIRECTIONS.
    """

    directions: Tensor
    offsets: Tensor


def embed_watermark(images: Tensor, key: str) -> Tensor:
    """The uint8 images N×C×H×W with the watermark of `key`, changed by a few levels.

    Rows and columns beyond the last whole block of 8 stay. Raises BadInput where an image has no
    whole block, and for an empty key.
    """
    secrets = _secrets(key, images.shape[2], images.shape[3])
    high, wide = (BLOCK * count for count in secrets.directions.shape[:2])
    marked = images.clone()
    part = images[:, :, :high, :wide].double()
    for _ in range(ROUNDS):
        errors = _from_lattice(_brightness(part), secrets)
        change = torch.einsum("nrsk,rskij->nrisj", errors, secrets.directions)
        change = change.reshape(len(part), 1, high, wide) / images.shape[1] ** 0.5
        part = (part - change).clamp(0, 255).round()
    marked[:, :, :high, :wide] = part.byte()
    return marked


def watermark_p_values(images: Tensor, key: str, size: tuple[int, int] | None = None) -> Floats:
    """For each of the uint8 images N×C×H×W the probability, over keys, that an image without the
    watermark has as many projections near the lattice: N float64.

    `size`, height and width that the images had when they were marked, makes the detector look for
    them resized, and for every place that they could have been cut from; the probability is then
    multiplied by the number of these trials, which bounds it (Bonferroni). Raises BadInput as
    `embed_watermark`.
    """
    current = images.shape[2], images.shape[3]
    size = size or current
    secrets = _secrets(key, *size)
    resized = images if size == current else _resize(images, size)
    trials = [_p_values(_brightness(resized), secrets, 0, 0)]
    if size != current:
        light = _brightness(images)
        rows, columns = (whole - part + 1 for whole, part in zip(size, current, strict=True))
        trials += [
            _p_values(light, secrets, row, column)
            for row in range(rows)
            for column in range(columns)
        ]
    least: Floats = np.stack(trials).min(axis=0)
    return np.minimum(1.0, len(trials) * least)


def _p_values(light: Tensor, secrets: _Secrets, row: int, column: int) -> Floats:
    """As `watermark_p_values`, of the brightness N×H×W of images that were cut from this place; 1
    where no whole block is left of them.
    """
    first = -(-row // BLOCK), -(-column // BLOCK)
    starts = tuple(BLOCK * f - at for f, at in zip(first, (row, column), strict=True))
    sides = zip(light.shape[1:], starts, secrets.directions.shape[:2], first, strict=True)
    counts = [min((side - start) // BLOCK, blocks - f) for side, start, blocks, f in sides]
    if min(counts) < 1:
        return np.ones(len(light))
    last = [f + count for f, count in zip(first, counts, strict=True)]
    inside = _Secrets(
        secrets.directions[first[0] : last[0], first[1] : last[1]],
        secrets.offsets[first[0] : last[0], first[1] : last[1]],
    )
    stops = [start + BLOCK * count for start, count in zip(starts, counts, strict=True)]
    part = light[:, starts[0] : stops[0], starts[1] : stops[1]]
    near = _from_lattice(part, inside).abs() < STEP / 4
    hits = near.flatten(1).sum(dim=1).numpy()
    tails: Floats = binom.sf(hits - 1, near[0].numel(), 0.5)
    return tails


def _brightness(images: Tensor) -> Tensor:
    """The sum of the channels over the root of their number: N×H×W float64."""
    light: Tensor = images.double().sum(dim=1) / images.shape[1] ** 0.5
    return light


def _from_lattice(light: Tensor, secrets: _Secrets) -> Tensor:
    """How far each projection is from the nearest point of its lattice, N×R×S×DIRECTIONS, within
    half a step.
    """
    rows, columns = secrets.directions.shape[:2]
    blocks = light.reshape(len(light), rows, BLOCK, columns, BLOCK)
    projections = torch.einsum("nrisj,rskij->nrsk", blocks, secrets.directions)
    distances: Tensor = (projections + secrets.offsets + STEP / 2).remainder(STEP) - STEP / 2
    return distances


def _resize(images: Tensor, size: tuple[int, int]) -> Tensor:
    resized = interpolate(
        images.double(), size=size, mode="bicubic", antialias=True, align_corners=False
    )
    return resized.clamp(0, 255)


def _secrets(key: str, height: int, width: int) -> _Secrets:
    """The directions and offsets that the key gives for images of this size."""
    rows, columns = height // BLOCK, width // BLOCK
    if not key:
        raise BadInput("the key of a watermark must not be empty")
    if rows * columns == 0:
        raise BadInput(f"a watermark needs images of at least 8×8 pixels, not {height}×{width}")
    seed = hashlib.sha256(f"{height}×{width} {key}".encode()).digest()
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence(list(seed))))
    waves = _waves()
    shape = rows, columns, len(waves), DIRECTIONS
    mixtures = np.linalg.qr(random.standard_normal(shape))[0]
    directions = np.einsum("rswk,wij->rskij", mixtures, waves)
    offsets = random.uniform(0, STEP, (rows, columns, DIRECTIONS))
    return _Secrets(torch.from_numpy(directions), torch.from_numpy(offsets))


def _waves() -> Floats:
    """The basis of the block's DCT (of type II, orthonormal) of the frequencies that are used."""
    number = np.arange(BLOCK)
    basis = np.cos(np.pi * (number + 0.5) * number[:, None] / BLOCK) * (2 / BLOCK) ** 0.5
    basis[0] /= 2**0.5
    used = [(u, v) for u in number for v in number if LOWEST <= u + v <= HIGHEST]
    waves: Floats = np.stack([np.outer(basis[u], basis[v]) for u, v in used])
    return waves
