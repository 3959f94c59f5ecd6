"""Untrained models whose weights depend on the seed alone."""

from __future__ import annotations

from collections.abc import Callable

import torch

from harness.core.seeding import derive
from harness.families.base import Family


def initialise(build: Callable[[], Family], seed: int) -> Family:
    """What `build` builds, its weights drawn from (seed, "init").

    Layers draw their weights from torch's global generator: it is set for the while and put back.
    Models are built on the CPU, so that every device starts from the same weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive(seed, "init"))
        return build()
