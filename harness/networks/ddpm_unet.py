"""The U-Net of DDPM (Ho et al. 2020, arXiv:2006.11239, appendix B) with the settings of those that
followed (Dhariwal & Nichol 2021, arXiv:2105.05233, section 3).

It stays beside `networks.unet.UNet`, the small one of the shipped recipes, whose layers between
resolutions are others, as are its numbers of blocks and skips: one class for both would be a case
distinction in every line, and the small one's weights are published. Both are made of one set of
parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.core.settings import Settings
from harness.networks.dropout import Dropout
from harness.networks.transformer import MultiHeadAttention
from harness.networks.unet import Attention, Residual, time_embedding, zeroed


class UNetSettings(Settings):
    """`multipliers`: channels at each resolution, each half the one before, times the width.
    `blocks`: residual blocks at each on the way down, one more on the way up. `attention`: the
    resolutions, in pixels a side, that have attention, in `heads` heads. `dropout`: the share of
    units that each block drops.
    """

    multipliers: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=10)] = (
        1, 2, 2, 2,
    )  # fmt: skip
    blocks: Annotated[PositiveInt, Field(le=100)] = 2
    heads: PositiveInt = 1
    attention: tuple[PositiveInt, ...] = (16,)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class DDPMUNet(nn.Module):
    """An image N×C×S×S and times N to an image of the same size.

    With `classes` an embedding of the class is added to the embedding of the time. With `context`,
    the numbers of a token, attention to the tokens of a text follows each attention to the image.

    Raises BadInput where the image cannot be halved as often, where no resolution is one of
    `attention`, and where heads do not divide channels.
    """

    def __init__(  # noqa: PLR0913 - what it takes, gives and is conditioned on, each by name
        self,
        channels: int,
        size: int,
        width: int,
        settings: UNetSettings,
        *,
        out: int | None = None,
        classes: int = 0,
        context: int | None = None,
        skips: bool = True,
    ) -> None:
        super().__init__()
        sizes = resolutions(size, len(settings.multipliers), settings.attention)
        widths = [width * multiplier for multiplier in settings.multipliers]
        part = _Parts(settings, 4 * width, context)
        self.skips = skips
        self.embed = time_embedding(width, 4 * width)
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        kept = [width]  # the channels of what the way up takes from the way down
        self.down = nn.ModuleList()
        for level, (side, wide) in enumerate(zip(sizes, widths, strict=True)):
            for _ in range(settings.blocks):
                self.down.append(part.stage(kept[-1], wide, side))
                kept.append(wide)
            if level < len(sizes) - 1:
                self.down.append(_Shrink(wide))
                kept.append(wide)
        self.middle = part.stage(widths[-1], widths[-1], sizes[-1], attends=True)
        self.last_middle = part.stage(widths[-1], widths[-1], sizes[-1], attends=False)
        self.up = nn.ModuleList()
        now = widths[-1]
        for side, wide in zip(reversed(sizes), reversed(widths), strict=True):
            for _ in range(settings.blocks + 1):
                self.up.append(part.stage(now + (kept.pop() if skips else 0), wide, side))
                now = wide
            if side != size:
                self.up.append(_Grow(wide))
        self.last = nn.Sequential(
            wide_group_norm(now), nn.SiLU(),
            zeroed(nn.Conv2d(now, out or channels, 3, padding=1)),
        )  # fmt: skip
        self.condition = nn.Embedding(classes, 4 * width) if classes else None

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        condition: Tensor | None = None,
        tokens: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """x N×C×S×S float32, t N (any number type), labels int64 N if it has classes; tokens
        N×L×context and the mask N×L of those that count if it has a context → N×out×S×S.
        """
        time = self.embed(t)
        if self.condition is not None:
            time = time + self.condition(condition)
        h = self.first(x)
        kept = [h]
        for stage in self.down:
            h = stage(h, time, tokens, mask)
            kept.append(h)
        for stage in (self.middle, self.last_middle):
            h = stage(h, time, tokens, mask)
        for stage in self.up:
            if self.skips and isinstance(stage, _Stage):
                h = torch.cat([h, kept.pop()], dim=1)
            h = stage(h, time, tokens, mask)
        image: Tensor = self.last(h)
        return image


def resolutions(size: int, levels: int, attention: Sequence[int]) -> list[int]:
    """The sides of the image at each level. Raises BadInput where `size` cannot be halved as often,
    and where `attention` names another side.
    """
    if size % 2 ** (levels - 1):
        raise BadInput(
            f"images of {size}×{size} pixels: a U-Net of {levels} resolutions takes multiples of"
            f" {2 ** (levels - 1)}"
        )
    sizes = [size // 2**level for level in range(levels)]
    if strange := [side for side in attention if side not in sizes]:
        raise BadInput(
            f"unet.attention is at {strange[0]}: the resolutions of images of {size} pixels are"
            f" {', '.join(map(str, sizes))}"
        )
    return sizes


def wide_group_norm(channels: int) -> nn.GroupNorm:
    """Group normalisation in 32 groups, or as many fewer as divide the channels."""
    return nn.GroupNorm(math.gcd(32, channels), channels)


class _Parts:
    """Makes the stages of one network."""

    def __init__(self, settings: UNetSettings, embedding: int, context: int | None) -> None:
        self._settings, self._embedding, self._context = settings, embedding, context

    def stage(self, channels: int, out: int, side: int, attends: bool | None = None) -> _Stage:
        """A residual block at this resolution, with attention where the settings want it."""
        settings = self._settings
        dropout = Dropout(settings.dropout, (out, side, side)) if settings.dropout else None
        block = Residual(channels, out, self._embedding, wide_group_norm, dropout)
        if not (side in settings.attention if attends is None else attends):
            return _Stage(block)
        if out % settings.heads:
            raise BadInput(f"unet.heads is {settings.heads}: it does not divide {out} channels")
        attention = Attention(out, wide_group_norm, settings.heads)
        cross = None
        if self._context is not None:
            cross = CrossAttention(out, settings.heads, self._context)
        return _Stage(block, attention, cross)


class _Stage(nn.Module):
    """A residual block, and attention to the image and to a text's tokens where it has them."""

    def __init__(
        self, block: Residual, attention: Attention | None = None, cross: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.block, self.attention, self.cross = block, attention, cross

    def forward(
        self, x: Tensor, time: Tensor, tokens: Tensor | None, mask: Tensor | None
    ) -> Tensor:
        h: Tensor = self.block(x, time)
        if self.attention is not None:
            h = self.attention(h)
        if self.cross is not None:
            h = self.cross(h, tokens, mask)
        return h


class CrossAttention(nn.Module):
    """Attention of a feature map's positions to tokens, beside a shortcut; it starts as the
    identity (Rombach et al. 2022, arXiv:2112.10752, section 3.3).
    """

    def __init__(self, channels: int, heads: int, context: int) -> None:
        super().__init__()
        self.norm = wide_group_norm(channels)
        self.attention = MultiHeadAttention(channels, heads, context=context)
        nn.init.zeros_(self.attention.out.weight)
        nn.init.zeros_(self.attention.out.bias)

    def forward(self, x: Tensor, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """x N×C×H×W, tokens N×L×context, mask N×L → N×C×H×W."""
        places = self.norm(x).flatten(2).transpose(1, 2)
        h = self.attention(places, tokens, mask)
        out: Tensor = x + h.transpose(1, 2).reshape(x.shape)
        return out


class _Shrink(nn.Conv2d):
    """Half the size, by a convolution of stride 2."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor, *_: Tensor | None) -> Tensor:
        return super().forward(x)


class _Grow(nn.Conv2d):
    """Twice the size, by repeating pixels before a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, *_: Tensor | None) -> Tensor:
        return super().forward(F.interpolate(x, scale_factor=2.0, mode="nearest"))
