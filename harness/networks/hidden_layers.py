"""The hidden layers of fully connected networks, by the name that recipes give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn

PIECES = 5
"""Affine functions of a `Maxout` unit, as many as Goodfellow et al. 2013 have for MNIST."""


class Maxout(nn.Module):
    """N×into → N×out: each unit is the largest of `PIECES` affine functions (Goodfellow et al.
    2013, arXiv:1302.4389, section 3).
    """

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.pieces = nn.Linear(into, out * PIECES)

    def forward(self, x: Tensor) -> Tensor:
        """x N×into → N×out."""
        largest: Tensor = self.pieces(x).unflatten(1, (-1, PIECES)).max(dim=2).values
        return largest


HiddenLayer = Callable[[int, int, nn.Module], list[nn.Module]]
"""From the numbers of inputs and units and the network's activation, the layer's modules."""


def _plain(into: int, out: int, activation: nn.Module) -> list[nn.Module]:
    return [nn.Linear(into, out), activation]


def _normalised(into: int, out: int, activation: nn.Module) -> list[nn.Module]:
    # Epsilon and momentum are those of the program of Lin et al. 2018 (arXiv:1712.04086).
    norm = nn.BatchNorm1d(out, eps=1e-4, momentum=0.05)
    return [nn.Linear(into, out, bias=False), norm, activation]


def _maxout(into: int, out: int, activation: nn.Module) -> list[nn.Module]:
    return [Maxout(into, out)]


HIDDEN_LAYERS: Mapping[str, HiddenLayer] = {
    "plain": _plain,
    # Ioffe & Szegedy 2015, arXiv:1502.03167: normalised over the batch, without a bias before it.
    "batch": _normalised,
    "maxout": _maxout,
}
