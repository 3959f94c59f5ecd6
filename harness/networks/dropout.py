"""Dropout whose masks are among a step's noise, so that a loss stays a pure function.

A network has `Dropout` layers; its player's noise has their masks (`draw_masks`), and its loss
hands them to the layers (`use_masks`) before it calls the network. In evaluation nothing is
dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """In training sets a `share` of the units to zero and divides the others by 1 − share
    (Srivastava et al. 2014, JMLR 15:1929, section 10).

    `shape` is the shape of one image's units. 1 stands for a dimension whose entries share a mask:
    (C, 1, 1) drops whole channels (Tompson et al. 2015, arXiv:1411.4280).
    """

    mask: Tensor | None = None
    """True where a unit stays, bool N×shape; None before `use_masks`."""

    def __init__(self, share: float, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.share, self.shape = share, shape

    def forward(self, x: Tensor) -> Tensor:
        """x N×… → the same shape. Raises ValueError in training without masks."""
        if not self.training:
            return x
        if self.mask is None:
            raise ValueError("a Dropout without a mask: the loss has to call use_masks first")
        return x * self.mask / (1 - self.share)

    def extra_repr(self) -> str:
        """What it was made with."""
        return f"{self.share}, shape={self.shape}"


def has_dropout(network: nn.Module) -> bool:
    """Whether there is a Dropout in `network`. Looking costs as much as a layer of a small one."""
    return any(isinstance(module, Dropout) for module in network.modules())


def draw_masks(
    network: nn.Module, n: int, generator: torch.Generator, prefix: str = "dropout"
) -> dict[str, Tensor]:
    """A mask, bool n×shape, for each Dropout of `network`, by the names `prefix/NUMBER`.

    Two players that drop units of one network at different images give them different prefixes.
    """
    return {
        name: torch.rand(n, *layer.shape, generator=generator, device=generator.device)
        >= layer.share
        for name, layer in _layers(network, prefix)
    }


def use_masks(network: nn.Module, noise: Mapping[str, Tensor], prefix: str = "dropout") -> None:
    """Gives each Dropout of `network` its mask, until the next call. Raises KeyError where `noise`
    has none.
    """
    for name, layer in _layers(network, prefix):
        layer.mask = noise[name]


def _layers(network: nn.Module, prefix: str) -> Iterator[tuple[str, Dropout]]:
    layers = (module for module in network.modules() if isinstance(module, Dropout))
    return ((f"{prefix}/{number}", layer) for number, layer in enumerate(layers))
