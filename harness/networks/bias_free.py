"""An encoder without constants, for models whose codes are to lie near one point."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from harness.networks.convnet import downsampling, flat_features


class BiasFreeEncoder(nn.Module):
    """N×channels×S×S → N×out by strided convolutions that have no biases, and normalisation without
    learnt scales and shifts: no weights but zeros make all codes the same (Ruff et al. 2018, ICML,
    proposition 2).
    """

    def __init__(self, channels: int, size: int, width: int, out: int) -> None:
        super().__init__()
        norm = partial(nn.BatchNorm2d, affine=False)
        layers = downsampling(channels, size, width, nn.LeakyReLU(0.2), norm=norm)
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                layer.bias = None
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(flat_features(size, width), out, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """x N×channels×S×S → N×out."""
        codes: Tensor = self.head(self.body(x))
        return codes


class Centre(nn.Module):
    """A point of `width` numbers that codes are drawn to; zeros before it is fitted."""

    point: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("point", torch.zeros(width))

    def fit(self, codes: Tensor) -> None:
        """Takes the mean of codes N×width. Numbers near 0 are moved to ±0.1, since zero weights
        would bring all codes there.
        """
        mean = codes.double().mean(dim=0).to(self.point.dtype)
        near = mean.abs() < NEAR_ZERO
        away = torch.where(mean < 0, -NEAR_ZERO, NEAR_ZERO).to(mean.dtype)
        self.point.copy_(torch.where(near, away, mean))

    def forward(self, codes: Tensor) -> Tensor:
        """Codes N×width → their squared distances from the point, N."""
        return (codes - self.point).square().sum(dim=1)


NEAR_ZERO = 0.1
"""As in the authors' code."""
