"""The first phase of a vector-quantised autoencoder alone, without the prior over its symbols."""

from __future__ import annotations

from torch import nn

from harness.families.base import Phase
from harness.families.vq import VQ


class Codebook(VQ):
    """Encoder, codebook and decoder."""

    def build(self) -> nn.ModuleDict:
        networks = super().build()
        del networks["prior"]
        return networks

    def phases(self) -> tuple[Phase, ...]:
        return (Phase(self.coding_players(), "autoencoder"),)
