"""Randomness derived by name: nothing depends on global state or on the order of calls.

Two models with one seed see the same data order and the same latents, because the names of what
is random (`"order"`, `"init"`, `"samples"`) are hashed, not drawn one after the other.
"""

from __future__ import annotations

import hashlib

import torch


def derive(seed: int, *names: str | int) -> int:
    """A 63-bit seed for what `names` names, e.g. `derive(0, "order", epoch)`."""
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *names: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator for what `names` names, on `device`."""
    return torch.Generator(device=device).manual_seed(derive(seed, *names))
