"""Densities that are fitted to the codes of a trained autoencoder, to sample from."""

from __future__ import annotations

import torch
from sklearn.mixture import GaussianMixture as Mixture
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.networks.principal_components import fixed

NEGLIGIBLE = 1e-10
"""Variances below this share of the largest one are taken for 0."""


class CodeGaussian(nn.Module):
    """A Gaussian of the mean and the covariance of codes, as a map to standard Gaussian ones.

    `root` d×d is the symmetric square root of the covariance, `inverse_root` its inverse on the
    directions in which codes vary. Before it is fitted it is a standard Gaussian.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mean = fixed(width)
        self.root = nn.Parameter(torch.eye(width, dtype=torch.float64), requires_grad=False)
        self.inverse_root = nn.Parameter(self.root.clone(), requires_grad=False)

    def fit(self, codes: Tensor, generator: torch.Generator) -> None:
        """Fits it to codes N×d; nothing is random. Raises BadInput for fewer than two."""
        _check_count(codes, 2, "a Gaussian")
        codes = codes.double()
        variances, directions = torch.linalg.eigh(torch.cov(codes.T).view(len(codes.T), -1))
        varies = variances > NEGLIGIBLE * variances.max()
        deviations = torch.where(varies, variances, 0).sqrt()
        inverse = torch.where(varies, 1 / deviations, 0)
        self.mean.copy_(codes.mean(dim=0))
        self.root.copy_(directions * deviations @ directions.T)
        self.inverse_root.copy_(directions * inverse @ directions.T)

    def whiten(self, codes: Tensor) -> Tensor:
        """Codes N×d → codes with mean 0 and covariance 1 where the fitted ones have theirs."""
        return ((codes.double() - self.mean) @ self.inverse_root).to(codes.dtype)

    def colour(self, whitened: Tensor) -> Tensor:
        """The inverse of `whiten`: N×d → codes N×d."""
        return (whitened.double() @ self.root + self.mean).to(whitened.dtype)


class CodeMixture(nn.Module):
    """A mixture of K Gaussians with full covariances, fitted by expectation maximisation
    (Dempster et al. 1977): scikit-learn's, from its k-means start.

    `weights` K sum to 1; `means` are K×d, `roots` K×d×d the Cholesky factors of the covariances.
    Before it is fitted all weights are equal, and all codes 0.
    """

    def __init__(self, width: int, components: int) -> None:
        super().__init__()
        equal = torch.full((components,), 1 / components, dtype=torch.float64)
        self.weights = nn.Parameter(equal, requires_grad=False)
        self.means = fixed(components, width)
        self.roots = fixed(components, width, width)

    def fit(self, codes: Tensor, generator: torch.Generator) -> None:
        """Fits it to codes N×d from a start that the generator draws. Raises BadInput for fewer
        codes than components.
        """
        count = len(self.weights)
        _check_count(codes, max(count, 2), f"a mixture of {count} Gaussians")
        start = torch.randint(2**31, (), generator=generator, device=generator.device)
        mixture = Mixture(count, random_state=int(start))
        with threadpool_limits(1):  # sums over several threads differ in their last bits
            mixture.fit(codes.double().cpu().numpy())
        self.weights.copy_(torch.from_numpy(mixture.weights_))
        self.means.copy_(torch.from_numpy(mixture.means_))
        self.roots.copy_(torch.linalg.cholesky(torch.from_numpy(mixture.covariances_)))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n codes, float32 n×d."""
        modes = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = torch.randn(
            n, self.means.shape[1], 1, generator=generator, device=generator.device,
            dtype=torch.float64,
        )  # fmt: skip
        return (self.means[modes] + (self.roots[modes] @ noise).squeeze(2)).float()


def _check_count(codes: Tensor, least: int, density: str) -> None:
    if len(codes) < least:
        raise BadInput(f"{density} needs at least {least} codes; there are {len(codes)}")
