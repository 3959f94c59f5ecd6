"""Mixtures of Gaussians whose density is known, to compare models of it with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """A mixture of K equally likely Gaussians that differ only in their means.

    `means` is float64 K×D. The columns of `basis`, orthonormal D×D, are the directions in which the
    deviations from a mean are independent, with standard deviations `scales`, D. Data are float
    tensors N×C×S×S with D = C·S·S values each; results are float64.
    """

    means: Tensor
    basis: Tensor
    scales: Tensor

    @property
    def modes(self) -> int:
        """K, the number of Gaussians."""
        return len(self.means)

    @property
    def entropy(self) -> float:
        """The differential entropy in nats, log K + ½ Σ log 2πe σ².

        It is exact for one Gaussian. For several it is the least upper bound, reached where they do
        not overlap: the nearest means of the sets here are 40 standard deviations apart, where the
        error is far below the last digit of a float64.
        """
        gaussian = (self.scales * math.sqrt(2 * math.pi * math.e)).log().sum()
        return math.log(self.modes) + float(gaussian)

    def without(self, modes: Sequence[int]) -> GaussianMixture:
        """Return the mixture without these modes."""
        kept = [mode for mode in range(self.modes) if mode not in modes]
        return GaussianMixture(self.means[kept], self.basis, self.scales)

    def nearest(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the nearest mode of each of x N×C×S×S, int64 N, and the distance to it in standard
        deviations (Mahalanobis distance), N.
        """
        squares, modes = self._residuals(x, 1.0).div(self.scales).square().sum(dim=2).min(dim=1)
        return modes, squares.sqrt()

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x) in nats of each of x N×C×S×S: N."""
        return self._log_joint(x, 1.0).logsumexp(dim=1) - math.log(self.modes)

    def denoise(self, x: Tensor, alpha_bar: float) -> Tensor:
        """E[x₀ | x_t] for x_t = √ᾱ·x₀ + √(1−ᾱ)·ε, with ε standard Gaussian and 0 < ᾱ < 1.

        No function of x_t N×C×S×S has a smaller expected squared error. Each mode gives a Wiener
        filter; they are weighed by their posterior probability.
        """
        gain = math.sqrt(alpha_bar) * self.scales.square() / self._variances(alpha_bar)
        weights = self._log_joint(x, alpha_bar).softmax(dim=1)[:, :, None]
        filtered = self.means @ self.basis + gain * self._residuals(x, alpha_bar)
        return ((weights * filtered).sum(dim=1) @ self.basis.T).reshape(x.shape)

    def _variances(self, alpha_bar: float) -> Tensor:
        """The variances of x_t around the mean of its mode, along the basis: D."""
        return alpha_bar * self.scales.square() + (1 - alpha_bar)

    def _residuals(self, x: Tensor, alpha_bar: float) -> Tensor:
        """x_t less the mean of each mode, along the basis: N×K×D."""
        means = math.sqrt(alpha_bar) * self.means
        return (x.double().flatten(1)[:, None] - means) @ self.basis

    def _log_joint(self, x: Tensor, alpha_bar: float) -> Tensor:
        """log p(x_t | mode) of each mode: N×K."""
        variances = self._variances(alpha_bar)
        exponents = self._residuals(x, alpha_bar).square().div(variances).sum(dim=2)
        return -0.5 * (exponents + (2 * math.pi * variances).log().sum())
