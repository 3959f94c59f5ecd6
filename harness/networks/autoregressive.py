"""The gated PixelCNN: the probability of each symbol of a map given those before it.

van den Oord et al. 2016, arXiv:1606.05328. Symbols are read row by row; a vertical stack sees the
rows above, a horizontal one what is to the left, and no blind spot is left between them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class GatedPixelCNN(nn.Module):
    """Logits of the next symbol, one of `values`, at each place of a map.

    `layers` layers of `width` channels with filters of `kernel` places a side, an odd number. With
    `condition`, the numbers of a vector, every layer is moved by that vector (equation 4).
    """

    def __init__(
        self, values: int, width: int, layers: int, *, condition: int = 0, kernel: int = 3
    ) -> None:
        super().__init__()
        self.values = values
        self.embed = nn.Embedding(values, width)
        self.layers = nn.ModuleList(
            GatedLayer(width, kernel, condition, is_first=number == 0) for number in range(layers)
        )
        self.out = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, values, 1)
        )

    def forward(self, symbols: Tensor, condition: Tensor | None = None) -> Tensor:
        """symbols int64 N×H×W, condition N×d → logits N×values×H×W."""
        return self.from_embedded(self.embed(symbols).movedim(-1, 1), condition)

    def from_embedded(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """The same of embedded symbols x N×width×H×W."""
        vertical = horizontal = x
        for layer in self.layers:
            vertical, horizontal = layer(vertical, horizontal, condition)
        logits: Tensor = self.out(horizontal)
        return logits

    def log_likelihood(self, symbols: Tensor, condition: Tensor | None = None) -> Tensor:
        """Σ log p(symbol | those before it), N nats (equation 1)."""
        logits = self(symbols, condition)
        return -F.cross_entropy(logits, symbols, reduction="none").flatten(1).sum(dim=1)

    @torch.no_grad()
    def sample(self, uniforms: Tensor, condition: Tensor | None = None) -> Tensor:
        """Symbols int64 N×H×W, place by place, by inversion of `uniforms` N×H×W in [0, 1)."""

        def invert(logits: Tensor, row: int, column: int) -> Tensor:
            below = logits.softmax(dim=1).cumsum(dim=1) <= uniforms[:, row, column, None]
            return below.sum(dim=1).clamp(max=self.values - 1)

        return self._fill(torch.zeros_like(uniforms, dtype=torch.int64), condition, invert)

    @torch.no_grad()
    def most_likely(self, shape: tuple[int, int, int], condition: Tensor) -> Tensor:
        """Symbols int64 of `shape` N×H×W: at each place the likeliest after those before it."""
        symbols = torch.zeros(shape, dtype=torch.int64, device=condition.device)
        return self._fill(symbols, condition, lambda logits, row, column: logits.argmax(dim=1))

    def _fill(
        self,
        symbols: Tensor,
        condition: Tensor | None,
        choose: Callable[[Tensor, int, int], Tensor],
    ) -> Tensor:
        """Fills `symbols` N×H×W in place, row by row: `choose` makes of the logits N×values of a
        place, its row and its column the symbols N there.
        """
        for row in range(symbols.shape[1]):
            for column in range(symbols.shape[2]):
                logits = self(symbols[:, : row + 1], condition)[:, :, row, column]
                symbols[:, row, column] = choose(logits, row, column)
        return symbols


class GatedLayer(nn.Module):
    """A layer of both stacks (figure 2 of the paper). The first one does not see its own place."""

    def __init__(self, width: int, kernel: int, condition: int, *, is_first: bool) -> None:
        super().__init__()
        self.reach, self.is_first = kernel // 2, is_first
        self.vertical = nn.Conv2d(width, 2 * width, (self.reach + 1, kernel))
        self.horizontal = nn.Conv2d(width, 2 * width, (1, self.reach + 1))
        self.link = nn.Conv2d(2 * width, 2 * width, 1)
        self.mix = nn.Conv2d(width, width, 1)
        self.condition = nn.Linear(condition, 4 * width, bias=False) if condition else None

    def forward(
        self, vertical: Tensor, horizontal: Tensor, condition: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Both stacks N×width×H×W → both after the layer."""
        reach = self.reach
        # A filter ends at its own row or column, so that what it sees lies above or to the left.
        above = self.vertical(F.pad(vertical, (reach, reach, reach, 0)))
        shift = int(self.is_first)
        left = self.horizontal(F.pad(horizontal, (reach + shift, -shift, 0, 0)))
        # Of the vertical stack the horizontal one takes the row before its own.
        left = left + self.link(F.pad(above, (0, 0, 1, -1)))
        if self.condition is not None:
            moved = self.condition(condition)[:, :, None, None]
            first, second = moved.chunk(2, dim=1)
            above, left = above + first, left + second
        mixed = self.mix(_gate(left))
        return _gate(above), mixed if self.is_first else horizontal + mixed


def _gate(x: Tensor) -> Tensor:
    """tanh of one half of the channels times σ of the other (equation 2)."""
    signal, gate = x.chunk(2, dim=1)
    return signal.tanh() * gate.sigmoid()
