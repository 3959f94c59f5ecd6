"""A VQ-VAE with the codebook of vector-quantize-pytorch between the networks of a recipe."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from vector_quantize_pytorch import VectorQuantize

from harness.data.base import Split
from harness.families.base import Family
from harness.networks.quantiser import DEAD
from peers.plain_loops import train_plainly


def train(family: Family, split: Split, steps: int, seed: int) -> float:
    """Entries follow moving averages; the mean loss of the last tenth of the steps."""
    settings: Any = family.settings
    encoder, decoder = family.networks["encoder"], family.networks["decoder"]
    quantiser = VectorQuantize(
        dim=settings.code_width,
        codebook_size=settings.entries,
        decay=settings.decay,
        commitment_weight=settings.commitment,
        threshold_ema_dead_code=DEAD,
        rotation_trick=False,
        accept_image_fmap=True,
    )
    for start in (quantiser._codebook.embed, quantiser._codebook.embed_avg):
        start.copy_(family.networks["quantiser"].codebook)  # its own are seven times as far apart

    def loss_of(x: Tensor) -> Tensor:
        codes, _, commitment = quantiser(encoder(x))
        return F.mse_loss(decoder(codes), x) + commitment

    networks = nn.ModuleList([encoder, quantiser, decoder])
    return train_plainly(networks, loss_of, split, steps, seed, settings)
