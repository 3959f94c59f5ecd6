"""Encoder and decoder of a masked autoencoder (He et al. 2022, arXiv:2111.06377, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.networks.transformer import (
    PatchEmbedding,
    TransformerBlock,
    from_patches,
    grid_positions,
    init_transformer,
    to_patches,
)


class VisibleEncoder(nn.Module):
    """A transformer on the visible patches alone: what is hidden never enters it."""

    positions: Tensor

    def __init__(  # noqa: PLR0913, PLR0917 - its sizes
        self, channels: int, size: int, patch: int, width: int, depth: int, heads: int
    ) -> None:
        super().__init__()
        self.patches = PatchEmbedding(channels, size, patch, width)
        self.blocks = nn.Sequential(*(TransformerBlock(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.register_buffer(
            "positions", grid_positions(self.patches.side, width), persistent=False
        )
        self.apply(init_transformer)

    def forward(self, x: Tensor, visible: Tensor) -> Tensor:
        """x N×C×S×S and the numbers of its visible patches int64 N×K → their tokens N×K×width."""
        patches = _taken(to_patches(x, self.patches.patch), visible)
        tokens: Tensor = self.patches.project(patches) + self.positions[visible]
        encoded: Tensor = self.norm(self.blocks(tokens))
        return encoded


class PatchDecoder(nn.Module):
    """A small transformer from the tokens of visible patches to all patches, with one learnt token
    in the place of each hidden one.
    """

    positions: Tensor

    def __init__(  # noqa: PLR0913, PLR0917 - its sizes
        self,
        channels: int,
        size: int,
        patch: int,
        encoded: int,
        width: int,
        depth: int,
        heads: int,
    ) -> None:
        super().__init__()
        side = size // patch
        self.patch = patch
        self.enter = nn.Linear(encoded, width)
        self.hidden = nn.Parameter(torch.randn(width) * 0.02)
        self.blocks = nn.Sequential(*(TransformerBlock(width, heads) for _ in range(depth)))
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, channels * patch**2))
        self.register_buffer("positions", grid_positions(side, width), persistent=False)
        self.apply(init_transformer)

    def forward(self, tokens: Tensor, visible: Tensor) -> Tensor:
        """tokens N×K×encoded of the patches `visible` N×K → images N×C×S×S."""
        count, width = self.positions.shape
        known = self.enter(tokens)
        places = visible[:, :, None].expand(-1, -1, width)
        hidden = self.hidden.to(known.dtype)  # bf16 where training is in bf16
        whole = hidden.expand(len(tokens), count, width).scatter(1, places, known)
        return from_patches(self.out(self.blocks(whole + self.positions)), self.patch)


def _taken(patches: Tensor, visible: Tensor) -> Tensor:
    """The patches N×L×P with the numbers N×K: N×K×P."""
    return patches.gather(1, visible[:, :, None].expand(-1, -1, patches.shape[2]))
