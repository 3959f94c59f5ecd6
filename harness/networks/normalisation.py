"""Normalisation of a network's features or of its weights, by the name that recipes give it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize

Norm = Callable[[int], nn.Module]
"""From the number of channels, the layer that normalises them."""

NORMS: Mapping[str, Norm | None] = {
    # Ioffe & Szegedy 2015, arXiv:1502.03167: over the batch.
    "batch": nn.BatchNorm2d,
    # Ba et al. 2016, arXiv:1607.06450: over all values of one image.
    "layer": lambda channels: nn.GroupNorm(1, channels),
    # Ulyanov et al. 2016, arXiv:1607.08022: over one channel of one image.
    "instance": lambda channels: nn.InstanceNorm2d(channels, affine=True),
    # Miyato et al. 2018, arXiv:1802.05957: of the weights, see `normalise_spectrally`; no layer.
    "spectral": None,
    "none": None,
}

FIRST_ITERATIONS = 15
"""Of the power method, before training; from then on one follows each step of the weights."""


class SpectralNorm(nn.Module):
    """W → W / σ(W), with σ the largest singular value as the power method estimates it (Miyato et
    al. 2018, arXiv:1802.05957, equations 8 and 12 to 15).

    W is a matrix of `dim` against all other dimensions. Reading the weight moves no buffer:
    `iterate` does, which the discriminator's own update calls, so that nothing of it changes while
    a generator trains.
    """

    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor, dim: int = 0) -> None:
        super().__init__()
        self.dim = dim
        matrix = self._matrix(weight.detach())
        self.register_buffer("u", F.normalize(torch.randn_like(matrix[:, 0]), dim=0))
        self.register_buffer("v", F.normalize(torch.randn_like(matrix[0]), dim=0))
        self.iterate(weight, FIRST_ITERATIONS)

    def forward(self, weight: Tensor) -> Tensor:
        """The weight over its σ, which gradients pass through; the singular vectors are fixed."""
        sigma = torch.dot(self.u.clone(), torch.mv(self._matrix(weight), self.v.clone()))
        return weight / sigma

    @torch.no_grad()
    def iterate(self, weight: Tensor, times: int = 1) -> None:
        """Moves both singular vectors closer to those of the largest singular value, in place."""
        matrix = self._matrix(weight)
        for _ in range(times):
            self.v.copy_(F.normalize(torch.mv(matrix.T, self.u), dim=0))
            self.u.copy_(F.normalize(torch.mv(matrix, self.v), dim=0))

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).flatten(1)


def normalise_spectrally(network: nn.Module) -> nn.Module:
    """Divides the weight of each convolution and linear layer by its largest singular value, in
    place; the network.
    """
    for module in list(network.modules()):
        if isinstance(module, nn.Conv2d | nn.Linear | nn.ConvTranspose2d):
            dim = int(isinstance(module, nn.ConvTranspose2d))  # its output channels come second
            norm = SpectralNorm(module.weight, dim)
            parametrize.register_parametrization(module, "weight", norm)
    return network


def iterate_spectrally(network: nn.Module) -> None:
    """One iteration of the power method for each weight that `normalise_spectrally` divides."""
    for module in network.modules():
        if not isinstance(module, parametrize.ParametrizationList):
            continue
        for norm in module:
            if isinstance(norm, SpectralNorm):
                norm.iterate(module.original)


@contextmanager
def statistics_kept(network: nn.Module) -> Iterator[None]:
    """A block in which batch normalisation in training moves no running moments of the network;
    what it computes is the same.
    """
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
