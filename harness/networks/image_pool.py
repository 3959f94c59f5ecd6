"""A history of made images for a discriminator (Shrivastava et al. 2017, arXiv:1612.07828)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ImagePool(nn.Module):
    """Up to `size` made images C×S×S, which wait there for their turn."""

    images: Tensor
    filled: Tensor

    def __init__(self, size: int, channels: int, side: int) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, channels, side, side))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def exchange(self, made: Tensor, draws: Tensor) -> Tensor:
        """Images N×C×S×S in the place of `made`. Until the pool is full it takes each and gives it
        back; then each is given back or, as likely, changes places with one of the pool's images.
        `draws` N×2 in [0, 1) say which of both, and with which image.
        """
        shown, size = made.clone(), len(self.images)
        for index, (coin, place) in enumerate(draws.tolist()):
            filled = int(self.filled)
            if filled < size:
                self.images[filled] = made[index]
                self.filled += 1
            elif coin >= 0.5:
                slot = int(place * size)
                shown[index] = self.images[slot]
                self.images[slot] = made[index]
        return shown
