"""A masked autoencoder of timm's vision transformer blocks, as the authors' code is made of them
(He et al. 2022, arXiv:2111.06377), of a recipe's size.
"""

from __future__ import annotations

from typing import Any

import torch
from timm.layers import PatchEmbed
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from harness.data.base import Split
from harness.families.base import Family
from harness.networks.transformer import grid_positions, init_transformer, to_patches
from peers.plain_loops import train_plainly


class Masked(nn.Module):
    """Images N×C×S×S → the mean squared error of their hidden patches."""

    def __init__(self, channels: int, size: int, settings: Any) -> None:
        super().__init__()
        self.patch, width, inner = settings.patch, settings.width, settings.decoder_width
        side, heads = size // self.patch, settings.heads
        self.seen = round(side**2 * (1 - settings.hidden))
        self.embed = PatchEmbed(size, self.patch, channels, width)
        self.encoder = _blocks(settings.depth, width, heads)
        self.norm, self.enter = nn.LayerNorm(width), nn.Linear(width, inner)
        self.hidden = nn.Parameter(torch.randn(inner) * 0.02)
        self.decoder = _blocks(settings.decoder_depth, inner, heads)
        self.out = nn.Sequential(nn.LayerNorm(inner), nn.Linear(inner, channels * self.patch**2))
        self.positions, self.places = grid_positions(side, width), grid_positions(side, inner)
        self.apply(init_transformer)
        nn.init.xavier_uniform_(self.embed.proj.weight.flatten(1))  # as a linear layer starts
        nn.init.zeros_(self.embed.proj.bias)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.embed(x) + self.positions
        order = torch.rand(tokens.shape[:2]).argsort(dim=1)
        back, seen = order.argsort(dim=1), order[:, : self.seen]
        known = self.enter(self.norm(self.encoder(_taken(tokens, seen))))
        hidden = self.hidden.expand(len(x), tokens.shape[1] - self.seen, -1)
        whole = _taken(torch.cat([known, hidden], dim=1), back) + self.places
        error = (self.out(self.decoder(whole)) - to_patches(x, self.patch)).square().mean(dim=2)
        return error.gather(1, order[:, self.seen :]).mean()


def _blocks(depth: int, width: int, heads: int) -> nn.Sequential:
    return nn.Sequential(*(Block(width, heads, qkv_bias=True) for _ in range(depth)))


def _taken(tokens: Tensor, numbers: Tensor) -> Tensor:
    return tokens.gather(1, numbers[:, :, None].expand(-1, -1, tokens.shape[2]))


def train(family: Family, split: Split, steps: int, seed: int) -> float:
    """The mean loss of the last tenth of the steps."""
    torch.manual_seed(seed)
    model = Masked(*split.images.shape[1:3], family.settings)
    return train_plainly(model, model, split, steps, seed, family.settings)
