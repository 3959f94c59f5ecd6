"""Random integers as pure functions of a key, the same on every device.

SplitMix64 (Steele et al. 2014, "Fast splittable pseudorandom number generators"): output
n of the generator with state s is mix(s + n·γ), so that any number is had without those before it.
All is arithmetic of integers modulo 2⁶⁴, which int64 tensors do on CPU and GPU alike.
"""

from __future__ import annotations

import torch
from torch import Tensor

BITS = 53
"""Draws are integers below 2 to this power."""


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


_GAMMA = _signed(0x9E3779B97F4A7C15)
_FIRST = _signed(0xBF58476D1CE4E5B9)
_SECOND = _signed(0x94D049BB133111EB)


def keys(seed: int, positions: Tensor) -> Tensor:
    """A key for each of `positions` (int64 N, from 0), by the 63-bit `seed`: int64 N."""
    return _mix((positions + 1) * _GAMMA + seed)


def random_integers(keys: Tensor, count: int) -> Tensor:
    """`count` independent uniform integers in [0, 2⁵³) for each key of N: int64 N×count."""
    steps = torch.arange(1, count + 1, device=keys.device) * _GAMMA
    return _shifted(_mix(keys[:, None] + steps), 64 - BITS)


def below(share: float) -> int:
    """The threshold below which a draw lies with probability `share`, an integer in [0, 2⁵³]."""
    return int(share * 2**BITS)


def _mix(z: Tensor) -> Tensor:
    z = (z ^ _shifted(z, 30)).mul_(_FIRST)
    z = (z ^ _shifted(z, 27)).mul_(_SECOND)
    return z ^ _shifted(z, 31)


def _shifted(z: Tensor, by: int) -> Tensor:
    """Shifted to the right with zeros from the left, where `>>` would repeat the sign."""
    return (z >> by).bitwise_and_(2 ** (64 - by) - 1)
