"""The diffusion transformer, DiT (Peebles & Xie 2023, arXiv:2212.09748)."""

from __future__ import annotations

from pydantic import PositiveInt
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.core.settings import Settings
from harness.networks.transformer import (
    AdaptiveBlock,
    PatchEmbedding,
    ZeroLinear,
    from_patches,
    grid_positions,
    init_transformer,
    modulate,
)
from harness.networks.unet import Sinusoidal


class DiTSettings(Settings):
    """`patch`: pixels a side of what is one token. `width`: numbers of a token. `depth`: blocks."""

    patch: PositiveInt = 2
    width: PositiveInt = 96
    depth: PositiveInt = 6
    heads: PositiveInt = 4


class DiT(nn.Module):
    """An image N×C×S×S and times N to an image of the same size: adaLN-Zero blocks on patches,
    whose places enter as sines and cosines. It starts as zero.

    With `classes` an embedding of the class is added to the embedding of the time. Raises
    BadInput where patches do not divide the image, or heads the width.
    """

    def __init__(
        self, channels: int, size: int, settings: DiTSettings, *, classes: int = 0
    ) -> None:
        super().__init__()
        width, patch = settings.width, settings.patch
        if size % patch:
            raise BadInput(f"transformer.patch is {patch}: it does not divide {size} pixels")
        if width % settings.heads or width % 4:
            raise BadInput(
                f"transformer.width is {width}: heads, {settings.heads}, and 4 have to divide it"
            )
        self.patch = patch
        self.embed = nn.Sequential(
            Sinusoidal(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.first = PatchEmbedding(channels, size, patch, width)
        self.positions = nn.Buffer(grid_positions(size // patch, width), persistent=False)
        self.blocks = nn.ModuleList(
            AdaptiveBlock(width, settings.heads, width) for _ in range(settings.depth)
        )
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.modulation = nn.Sequential(nn.SiLU(), ZeroLinear(width, 2 * width))
        self.last = ZeroLinear(width, channels * patch**2)
        self.condition = nn.Embedding(classes, width) if classes else None
        self.apply(init_transformer)

    def forward(self, x: Tensor, t: Tensor, condition: Tensor | None = None) -> Tensor:
        """x N×C×S×S float32, t N (any number type), labels int64 N if it has classes → N×C×S×S."""
        time = self.embed(t)
        if self.condition is not None:
            time = time + self.condition(condition)
        h = self.first(x) + self.positions
        for block in self.blocks:
            h = block(h, time)
        shift, scale = self.modulation(time)[:, None].chunk(2, dim=-1)
        return from_patches(self.last(modulate(self.norm(h), shift, scale)), self.patch)
