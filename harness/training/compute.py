"""How losses are computed: in which precision and layout, and compiled or not."""

from __future__ import annotations

import warnings

import torch
from torch import nn

from harness.core.cuda_graphs import Accelerate
from harness.data.batch import Batch
from harness.families.base import FamilySettings, Loss, Losses, Noise


def layout(settings: FamilySettings) -> torch.memory_format:
    """Of the weights, which decide in which layout convolutions work."""
    last = settings.memory_format == "channels_last"
    return torch.channels_last if last else torch.contiguous_format


def compute_loss(
    loss: Loss, settings: FamilySettings, device: torch.device, accelerate: Accelerate
) -> Loss:
    """`loss` in the recipe's precision, and compiled if that is asked for."""
    chosen: Loss = Compiled(loss) if accelerate == "compile" else loss
    if settings.precision == "fp32":
        return chosen

    def in_bf16(networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        # Weights that were cast where no gradient is kept would come back from the cache without.
        with torch.autocast(device.type, torch.bfloat16, cache_enabled=False):
            return chosen(networks, batch, noise)

    return in_bf16


class Compiled:
    """A loss as one compiled function.

    It is compiled at the first call. Where that fails, a warning says so and it is computed as it
    is: a loss that is wrong for other reasons fails then too.
    """

    def __init__(self, loss: Loss) -> None:
        self._loss = loss
        self._chosen: Loss = torch.compile(loss, fullgraph=True, dynamic=False)
        self._proven = False

    def __call__(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The loss."""
        if self._proven:
            return self._chosen(networks, batch, noise)
        self._proven = True
        try:
            return self._chosen(networks, batch, noise)
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            warnings.warn(f"runs without being compiled: {reason}", stacklevel=2)
            self._chosen = self._loss
            return self._loss(networks, batch, noise)
