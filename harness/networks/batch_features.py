"""What a discriminator takes of the other images of its batch, so that it recognises a generator
whose images are all alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from harness.core.errors import BadInput

KERNELS, KERNEL_DIMENSIONS = 16, 5
"""Of `MinibatchDiscrimination`, B and C of the paper; the authors' program has 100 and 5 for
networks that are much wider."""
EPSILON = 1e-8
"""Added to a variance whose root is taken, as in the authors' program."""


class BatchFeatures(nn.Module):
    """A layer from features N×F to N×`features`: those, and what it adds from the others."""

    features: int


class MinibatchStddev(BatchFeatures):
    """Adds one number, the same for each image: the standard deviation of each feature over the
    batch, averaged over all features (Karras et al. 2018, arXiv:1710.10196, section 3).
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features + 1

    def forward(self, x: Tensor) -> Tensor:
        """x N×F → N×(F+1)."""
        deviation = (x.var(dim=0, correction=0) + EPSILON).sqrt().mean()
        return torch.cat([x, deviation.expand(len(x), 1)], dim=1)


class MinibatchDiscrimination(BatchFeatures):
    """Adds how close each image is to the others: o_b(x_i) = Σ_j exp(−‖M_ib − M_jb‖₁), where
    M_i = f(x_i)·T are learnt projections (Salimans et al. 2016, arXiv:1606.03498, section 3.2).
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.project = nn.Linear(features, KERNELS * KERNEL_DIMENSIONS, bias=False)
        self.features = features + KERNELS

    def forward(self, x: Tensor) -> Tensor:
        """x N×F → N×(F+B)."""
        m = self.project(x).view(len(x), KERNELS, KERNEL_DIMENSIONS)
        closeness = (-(m[:, None] - m).abs().sum(dim=3)).exp()
        return torch.cat([x, closeness.sum(dim=1)], dim=1)


BATCH_FEATURES: Mapping[str, Callable[[int], BatchFeatures]] = {
    "minibatch-stddev": MinibatchStddev,
    "minibatch-discrimination": MinibatchDiscrimination,
}
"""By the name that recipes list in `discriminator: {head: […]}`."""


def pack(x: Tensor, size: int) -> Tensor:
    """N images N×C×S×S as N/size packs (N/size)×(size·C)×S×S: neighbours in the batch, one behind
    the other along the channels (Lin et al. 2018, arXiv:1712.04086, section 3.1).

    Raises BadInput where `size` does not divide N.
    """
    if len(x) % size:
        raise BadInput(f"a batch of {len(x)} images is not divisible into packs of {size}")
    return x.reshape(-1, size * x.shape[1], *x.shape[2:])
