"""How far a GAN's samples of fixed codes move late in training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from harness.core.seeding import generator
from harness.families.base import Family
from harness.families.capabilities import Discriminates, Latents, is_conditional
from harness.training.freezing import evaluating

CODES, LATE = 256, 0.9
"""Fixed codes, and the share of the images after which their samples are kept to be compared with
those at the end."""
DRIFT = "samples/drift"
"""Among the values of the last point of the training curves."""


def has_drift(family: object) -> bool:
    """Whether samples of a model are followed: of one with an adversary that makes images from
    codes alone.
    """
    return (
        isinstance(family, Latents)
        and isinstance(family, Discriminates)
        and not is_conditional(family)
    )


class SampleDrift:
    """Keeps the samples of fixed codes late in training, and compares those at its end with them.

    `late` are these samples N×C×S×S, None before they are made. They are of the weights as they
    are, in evaluation mode, without an average.
    """

    def __init__(self, family: Family, seed: int, device: torch.device) -> None:
        self.late: Tensor | None = None
        self._family: Any = family if has_drift(family) else None
        self._seed, self._device = seed, device

    def keep(self, share: float) -> None:
        """Keeps samples where they are followed, a `share` of training is late enough, and none
        are kept yet.
        """
        if self._family is not None and self.late is None and share >= LATE:
            self.late = self._samples()

    def read(self) -> float | None:
        """The distance of the samples from the late ones over that of samples from their mean, both
        as the root of a mean square; None where nothing was kept, or samples are all alike.
        """
        if self.late is None:
            return None
        samples = self._samples()
        spread = (samples - samples.mean(dim=0)).square().mean().sqrt()
        moved = (samples - self.late).square().mean().sqrt()
        return float(moved / spread) if spread > 0 else None

    @torch.no_grad()
    def _samples(self) -> Tensor:
        family = self._family
        with evaluating(family.networks):
            draws = generator(self._seed, "drift", device=self._device)
            samples: Tensor = family.decode(family.latents(CODES, draws)).float()
        return samples
