"""A codebook: each vector of a map becomes the nearest of `entries` learnt ones.

van den Oord et al. 2017, arXiv:1711.00937: equations 1 to 3, and appendix A.1 for a codebook that
follows the vectors by moving averages.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Quantised(NamedTuple):
    """`straight` N×D×H×W are the entries, with the gradient of what they stand for; `entries` the
    same with the codebook's gradient; `symbols` int64 N×H×W their numbers.
    """

    straight: Tensor
    entries: Tensor
    symbols: Tensor


class Quantiser(nn.Module):
    """A codebook of `entries` vectors of `width` numbers.

    One that is `averaged` has no gradient: `follow` moves it. It then has, for each entry, the
    moving averages of how many vectors it stood for and of their sum.
    """

    codebook: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, entries: int, width: int, *, averaged: bool = False) -> None:
        super().__init__()
        start = torch.empty(entries, width).uniform_(-1 / entries, 1 / entries)
        self.averaged = averaged
        if averaged:
            self.register_buffer("codebook", start)
            self.register_buffer("counts", torch.ones(entries))
            self.register_buffer("sums", start.clone())
        else:
            self.codebook = nn.Parameter(start)

    def forward(self, z: Tensor) -> Quantised:
        """z N×D×H×W → its quantisation; ∂/∂z is ∂/∂straight (section 3.2)."""
        symbols = self.nearest(z)
        entries = self.embed(symbols)
        return Quantised(z + (entries - z).detach(), entries, symbols)

    def nearest(self, z: Tensor) -> Tensor:
        """z N×D×H×W → the numbers of the nearest entries, int64 N×H×W (equation 1)."""
        vectors, book = z.detach().movedim(1, -1), self.codebook.detach()
        distances = book.square().sum(dim=1) - 2 * vectors @ book.T
        return distances.argmin(dim=-1)

    def embed(self, symbols: Tensor) -> Tensor:
        """Numbers N×H×W → their entries N×D×H×W."""
        return F.embedding(symbols, self.codebook).movedim(-1, 1)

    @torch.no_grad()
    def follow(self, z: Tensor, picks: Tensor, decay: float) -> None:
        """Moves the entries towards the means of the vectors of z N×D×H×W that they stand for
        (equations 6 to 8).

        A dead entry takes the place of the vector of z with its number among `picks`, int64 K below
        N·H·W (random restarts, Dhariwal et al. 2020, arXiv:2005.00341, section 3.1).
        """
        vectors = z.movedim(1, -1).flatten(0, -2).to(self.sums.dtype)
        members = F.one_hot(self.nearest(z).flatten(), len(self.codebook)).to(self.sums.dtype)
        self.counts.lerp_(members.sum(dim=0), 1 - decay)
        self.sums.lerp_(members.T @ vectors, 1 - decay)
        dead = self.counts < DEAD
        self.counts.masked_fill_(dead, 1)
        self.sums.copy_(torch.where(dead[:, None], vectors[picks], self.sums))
        self.codebook.copy_(self.sums / self.counts[:, None])


DEAD = 0.1
"""An entry is dead where the moving average of the vectors it stands for falls below this."""


def codebook_loss(z: Tensor, entries: Tensor) -> Tensor:
    """E ‖sg[z] − e‖²: the entries move towards the vectors (equation 3, second term)."""
    return (entries - z.detach()).square().mean()


def commitment_loss(z: Tensor, entries: Tensor) -> Tensor:
    """E ‖z − sg[e]‖²: the vectors stay near their entries (equation 3, third term)."""
    return (z - entries.detach()).square().mean()


def perplexity(symbols: Tensor, entries: int) -> Tensor:
    """exp of the entropy of how often each of `entries` is used among `symbols`: 1 where it is
    always the same, `entries` where all are used alike.
    """
    shares = usage_shares(symbols, entries)
    used: Tensor = torch.special.entr(shares).sum().exp()
    return used


def usage_shares(symbols: Tensor, entries: int) -> Tensor:
    """The share of the symbols, of any shape, that each of `entries` has."""
    return F.one_hot(symbols.flatten(), entries).float().mean(dim=0)
