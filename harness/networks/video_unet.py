"""A U-Net of videos: that of images on every frame, with attention between frames (Ho et al. 2022,
arXiv:2204.03458, section 3).
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from harness.data.frames import unfold
from harness.networks.transformer import MultiHeadAttention, ZeroLinear, sinusoidal_positions
from harness.networks.unet import UNet, group_norm


class VideoUNet(nn.Module):
    """Videos N×(T·C)×S×S and times N to videos of the same shape, all frames at one time.

    Each frame passes through the small U-Net of `width` channels. With `temporal`, attention over
    the frames follows the blocks at S/2 and the attention at S/4; without it no frame sees another.
    """

    def __init__(
        self, channels: int, size: int, width: int, frames: int, *, temporal: bool
    ) -> None:
        super().__init__()
        self.frames = frames
        self.network = UNet(channels // frames, size, width)
        if temporal:
            attention = partial(TemporalAttention, frames=frames)
            self.network.down[1] = _Block(self.network.down[1], attention(2 * width))
            middle = nn.Sequential(self.network.attention, attention(4 * width))
            self.network.attention = middle  # type: ignore[assignment]
            self.network.up[1] = _Block(self.network.up[1], attention(2 * width))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """x N×(T·C)×S×S float32, t N (any number type) → N×(T·C)×S×S."""
        frames: Tensor = self.network(unfold(x, self.frames), t.repeat_interleave(self.frames))
        return frames.reshape(x.shape)


class _Block(nn.Module):
    """A residual block, and attention between frames."""

    def __init__(self, block: nn.Module, attention: nn.Module) -> None:
        super().__init__()
        self.block, self.attention = block, attention

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        h: Tensor = self.attention(self.block(x, time))
        return h


class TemporalAttention(nn.Module):
    """Attention of each place of a frame to the same place in it and in earlier frames, beside a
    shortcut. Frames have sinusoidal positions. It starts as the identity.
    """

    positions: Tensor

    def __init__(self, channels: int, frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.norm = group_norm(channels)
        self.attention = MultiHeadAttention(channels, 1, causal=True)
        self.attention.out = ZeroLinear(channels, channels)
        places = sinusoidal_positions(torch.arange(frames), channels)
        self.register_buffer("positions", places, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """x (N·T)×C×H×W, the frames of a video one after the other → the same shape."""
        channels, height, width = x.shape[1:]
        h = self.norm(x).reshape(-1, self.frames, channels, height * width)
        tokens = h.permute(0, 3, 1, 2).flatten(0, 1) + self.positions  # (N·H·W)×T×C
        h = self.attention(tokens).view(-1, height * width, self.frames, channels)
        seen: Tensor = h.permute(0, 2, 3, 1).reshape(x.shape)
        return x + seen
