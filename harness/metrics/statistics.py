"""The mean and scatter of features: all that a Fréchet distance needs of a set of images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.products import gram

__all__ = ["FeatureStatistics"]

ROWS = 16384
"""Rows of the blocks in which features are centred, to bound memory."""


@dataclass(frozen=True, eq=False)
class Moments:
    """The mean (d) and the covariance (d×d) of features, float64, of which nothing else is known:
    not even of how many images.
    """

    mean: Tensor
    covariance: Tensor


@dataclass(frozen=True, eq=False)
class FeatureStatistics:
    """The number of images, the mean (d) of their features, and their scatter (d×d): the sum of
    (x − mean)(x − mean)ᵀ. Float64.

    Statistics of parts merge into those of the whole, so that shards, classes and machines can
    each contribute theirs.
    """

    n: int
    mean: Tensor
    scatter: Tensor

    @classmethod
    @takes_arrays
    def of(cls, features: Tensor) -> FeatureStatistics:
        """The statistics of finite floating-point features n×d of at least one image."""
        blocks = torch.split(checks.matrix(features, "features", at_least=1), ROWS)
        return reduce(cls.merge, map(cls._of_block, blocks))

    @classmethod
    def _of_block(cls, features: Tensor) -> FeatureStatistics:
        mean = features.mean(dim=0)
        return cls(len(features), mean, gram(features - mean))

    def merge(self, other: FeatureStatistics) -> FeatureStatistics:
        """The statistics of both sets together (Chan, Golub & LeVeque 1983)."""
        if len(self.mean) != len(other.mean):
            raise BadInput(f"features differ in width: {len(self.mean)} and {len(other.mean)}")
        n = self.n + other.n
        shift = other.mean - self.mean
        between = torch.outer(shift, shift) * (self.n * other.n / n)
        return FeatureStatistics(
            n, self.mean + shift * (other.n / n), self.scatter + other.scatter + between
        )

    @property
    def covariance(self) -> Tensor:
        """The unbiased covariance d×d, of at least two images."""
        if self.n < 2:
            raise BadInput(
                f"features of {counted(self.n, 'image')} are too few; at least 2 are needed"
            )
        return self.scatter / (self.n - 1)

    def to_bytes(self) -> bytes:
        """As safetensors: read on any machine, and executes nothing when read."""
        n = torch.tensor(self.n, dtype=torch.int64)
        tensors = {"n": n, "mean": self.mean.cpu(), "scatter": self.scatter.cpu().contiguous()}
        return save(tensors)

    @classmethod
    def from_bytes(cls, data: bytes) -> FeatureStatistics:
        """What `to_bytes` wrote; `BadInput` if it is anything else."""
        try:
            tensors = load(data)
        except SafetensorError as e:
            raise BadInput(f"these are not feature statistics: {e}") from e
        if set(tensors) != {"n", "mean", "scatter"}:
            raise BadInput(f"these are not feature statistics: they hold {sorted(tensors)}")
        n, mean, scatter = tensors["n"], tensors["mean"], tensors["scatter"]
        d = mean.numel()
        if (
            (n.dtype, mean.dtype, scatter.dtype) != (torch.int64, torch.float64, torch.float64)
            or (n.shape, mean.shape, scatter.shape) != ((), (d,), (d, d))
            or int(n) < 1
            or not bool(mean.isfinite().all() and scatter.isfinite().all())
        ):
            raise BadInput("feature statistics are damaged: n, mean and scatter do not fit")
        return cls(int(n), mean, scatter)
