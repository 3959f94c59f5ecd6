"""The parts of transformers on sequences of tokens N×L×D: attention, blocks, patches, positions.

Normalisation comes before each part (pre-norm), as in ViT (Dosovitskiy et al. 2021,
arXiv:2010.11929), MAE (He et al. 2022, arXiv:2111.06377), GPT-2 and DiT.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MultiHeadAttention(nn.Module):
    """softmax(q·kᵀ/√d)·v in `heads` heads (Vaswani et al. 2017, arXiv:1706.03762, equation 1).

    Queries come from x, keys and values from x too, or from tokens of `context` numbers each. A
    `causal` one lets no token see a later one. Raises ValueError where `heads` does not divide
    `width`.
    """

    def __init__(
        self, width: int, heads: int, *, context: int | None = None, causal: bool = False
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"{heads} heads do not divide {width} channels")
        self.heads, self.causal = heads, causal
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width if context is None else context, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self, x: Tensor, context: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """x N×L×width and, of cross-attention, context N×M×context → N×L×width.

        mask N×M is True at the tokens that may be seen; at least one of each sequence.
        """
        keys, values = self.key_value(x if context is None else context).chunk(2, dim=-1)
        q, k, v = (self._split(part) for part in (self.query(x), keys, values))
        visible = None if mask is None else mask[:, None, None, :]
        h = F.scaled_dot_product_attention(q, k, v, attn_mask=visible, is_causal=self.causal)
        out: Tensor = self.out(h.transpose(1, 2).flatten(2))
        return out

    def _split(self, x: Tensor) -> Tensor:
        """N×L×width → N×heads×L×width/heads."""
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)


class FeedForward(nn.Sequential):
    """Each token on its own: N×L×width → N×L×hidden → N×L×width, with a GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))


class TransformerBlock(nn.Module):
    """Self-attention, then the feed-forward part of `ratio`·width units, each beside a shortcut.

    With `context`, the numbers of a token of another sequence, cross-attention to it stands
    between the two.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        ratio: int = 4,
        context: int | None = None,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = MultiHeadAttention(width, heads, causal=causal)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, ratio * width)
        self.cross_norm = self.cross = None
        if context is not None:
            self.cross_norm = nn.LayerNorm(width)
            self.cross = MultiHeadAttention(width, heads, context=context)

    def forward(
        self, x: Tensor, context: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """x N×L×width → the same shape.

        mask True at the tokens that may be seen: N×M of `context` where there is one, else N×L.
        """
        if self.cross is None or self.cross_norm is None:
            x = x + self.attention(self.attention_norm(x), mask=mask)
        else:
            x = x + self.attention(self.attention_norm(x))
            x = x + self.cross(self.cross_norm(x), context, mask)
        out: Tensor = x + self.feed_forward(self.feed_forward_norm(x))
        return out


class AdaptiveBlock(nn.Module):
    """A block whose normalisations a condition scales and shifts, and whose parts it gates. It
    starts as the identity (adaLN-Zero: Peebles & Xie 2023, arXiv:2212.09748, figure 3).
    """

    def __init__(self, width: int, heads: int, condition: int, *, ratio: int = 4) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.attention = MultiHeadAttention(width, heads)
        self.feed_forward_norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.feed_forward = FeedForward(width, ratio * width)
        self.modulation = nn.Sequential(nn.SiLU(), ZeroLinear(condition, 6 * width))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x N×L×width, condition N×condition → N×L×width."""
        parts = self.modulation(condition)[:, None].chunk(6, dim=-1)
        shift, scale, gate, later_shift, later_scale, later_gate = parts
        x = x + gate * self.attention(modulate(self.attention_norm(x), shift, scale))
        h = modulate(self.feed_forward_norm(x), later_shift, later_scale)
        out: Tensor = x + later_gate * self.feed_forward(h)
        return out


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """x·(1 + scale) + shift."""
    return x * (1 + scale) + shift


class PatchEmbedding(nn.Module):
    """Images N×C×S×S to tokens N×(S/patch)²×width, row by row: one affine map of each patch.

    Raises ValueError where `patch` does not divide `size`.
    """

    def __init__(self, channels: int, size: int, patch: int, width: int) -> None:
        super().__init__()
        if size % patch:
            raise ValueError(f"patches of {patch} pixels do not divide images of {size}")
        self.patch, self.side = patch, size // patch
        self.project = nn.Linear(channels * patch**2, width)

    def forward(self, x: Tensor) -> Tensor:
        """x N×C×S×S → N×(S/patch)²×width."""
        tokens: Tensor = self.project(to_patches(x, self.patch))
        return tokens


def to_patches(x: Tensor, patch: int) -> Tensor:
    """Images N×C×S×S → their patches N×(S/patch)²×(C·patch²), row by row."""
    return F.pixel_unshuffle(x, patch).flatten(2).transpose(1, 2)


def from_patches(tokens: Tensor, patch: int) -> Tensor:
    """N×(S/patch)²×(C·patch²) → N×C×S×S: the inverse of `to_patches`."""
    side = math.isqrt(tokens.shape[1])
    channels = tokens.transpose(1, 2)
    return F.pixel_shuffle(channels.reshape(*channels.shape[:2], side, side), patch)


def sinusoidal_positions(places: Tensor, width: int) -> Tensor:
    """Sines, then cosines, of places L at frequencies 10000^(−2i/width): L×width.

    Vaswani et al. 2017 (arXiv:1706.03762), section 3.5. Raises ValueError for an odd width.
    """
    if width % 2:
        raise ValueError(f"sines and cosines need an even width, not {width}")
    exponents = torch.arange(width // 2, dtype=torch.float64, device=places.device) * 2 / width
    angles = places.double()[:, None] * 10_000.0**-exponents
    return torch.cat([angles.sin(), angles.cos()], dim=1).float()


def grid_positions(side: int, width: int) -> Tensor:
    """The places of a side×side grid, row by row: side²×width. One half of the numbers is for the
    row, the other for the column (He et al. 2022, arXiv:2111.06377, appendix A.1).

    Raises ValueError where 4 does not divide `width`.
    """
    if width % 4:
        raise ValueError(f"positions in a grid need a width that 4 divides, not {width}")
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    halves = [sinusoidal_positions(axis.flatten(), width // 2) for axis in (rows, columns)]
    return torch.cat(halves, dim=1)


class LearnedPositions(nn.Module):
    """Adds a learned vector to the token at each of `count` places; fewer tokens take the first."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.randn(count, width) * 0.02)

    def forward(self, x: Tensor) -> Tensor:
        """x N×L×width, L at most `count` → the same shape."""
        return x + self.positions[: x.shape[1]]


class ZeroLinear(nn.Linear):
    """A linear layer that starts at zero."""

    def reset_parameters(self) -> None:
        """Sets weights and bias to zero."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


def init_transformer(module: nn.Module) -> None:
    """Weights of a linear layer by Glorot's uniform law, biases zero, as MAE and DiT start; layers
    that start at zero stay there. For `nn.Module.apply`.
    """
    if isinstance(module, nn.Linear) and not isinstance(module, ZeroLinear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
