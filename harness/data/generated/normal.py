"""Normally distributed numbers, the same on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from harness.core.seeding import derive

GRID = 2.0**-16
"""What the numbers are multiples of."""


def random_state(name: str, version: int, part: str) -> np.random.RandomState:
    """The randomness of one split of a generated set. NumPy has frozen the integers it gives."""
    return np.random.RandomState(derive(version, "generated", name, part) % 2**32)


def normal(random: np.random.RandomState, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Standard normal numbers, rounded to multiples of `GRID`.

    The inverse of the distribution function at the middles of 2³² equal intervals, so that no
    number is beyond 6.4. It is computed by logarithms and roots, whose last bits differ between
    machines: by some 1e-15, where no number of the shipped sets is nearer than 1e-13 to a place at
    which it would be rounded otherwise (their tests make sure). Multiples of a power of two also
    have exact sums, whatever the order in which a machine adds them.
    """
    return np.rint(unrounded(random, shape) / GRID) * GRID


def unrounded(random: np.random.RandomState, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The numbers before they are rounded."""
    places = random.randint(0, 2**32, shape, dtype=np.uint32)
    numbers: NDArray[np.float64] = ndtri((places + 0.5) / 2**32)
    return numbers
