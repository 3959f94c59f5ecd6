"""A small transformer that reads texts, and a U-Net that attends to what it gives."""

from __future__ import annotations

from pydantic import Field, PositiveInt
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.core.settings import Settings
from harness.networks.ddpm_unet import DDPMUNet
from harness.networks.transformer import LearnedPositions, TransformerBlock, init_transformer


class TextEncoderSettings(Settings):
    """`width`: numbers of a token. `depth`: blocks."""

    width: PositiveInt = 64
    depth: PositiveInt = Field(default=2, le=1000)
    heads: PositiveInt = 4


class TextEncoder(nn.Module):
    """Ids of tokens, 0 where a text has ended, to vectors that know of the others.

    Raises BadInput where heads do not divide the width.
    """

    def __init__(self, vocabulary: int, length: int, settings: TextEncoderSettings) -> None:
        super().__init__()
        width = settings.width
        if width % settings.heads:
            raise BadInput(
                f"text_encoder.heads is {settings.heads}: it does not divide the width, {width}"
            )
        self.embed = nn.Embedding(vocabulary, width, padding_idx=0)
        self.positions = LearnedPositions(length, width)
        self.blocks = nn.ModuleList(
            TransformerBlock(width, settings.heads) for _ in range(settings.depth)
        )
        self.norm = nn.LayerNorm(width)
        self.apply(init_transformer)

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """ids int64 N×L, the first above 0 → tokens N×L×width, and the mask N×L of ids above 0."""
        mask = ids > 0
        h = self.positions(self.embed(ids))
        for block in self.blocks:
            h = block(h, mask=mask)
        return self.norm(h), mask


class TextConditioned(nn.Module):
    """A U-Net, and the encoder of the texts that it attends to."""

    def __init__(self, network: DDPMUNet, encoder: TextEncoder) -> None:
        super().__init__()
        self.network, self.encoder = network, encoder

    def forward(self, x: Tensor, t: Tensor, ids: Tensor) -> Tensor:
        """x N×C×S×S, t N, ids of tokens int64 N×L → N×C×S×S."""
        tokens, mask = self.encoder(ids)
        image: Tensor = self.network(x, t, None, tokens, mask)
        return image
