"""The Fréchet distance between two sets of features, and its standard error."""

from __future__ import annotations

import math
import sys
import warnings
from dataclasses import dataclass

import torch
from scipy.linalg.lapack import dpotrf, dsygst
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Caveat, Estimate, Metric, both, worse_with
from harness.metrics.products import gram
from harness.metrics.statistics import FeatureStatistics, Moments

__all__ = ["frechet_distance", "frechet_estimate"]

UNKNOWN = sys.maxsize
"""The number of images behind moments: nothing is said of a number that is not known."""

ENOUGH = 4
"""So many images a feature leave the distance little bias; see `frechet_infinity`."""


@takes_arrays
def frechet_distance(
    a: Tensor | FeatureStatistics | Moments, b: Tensor | FeatureStatistics | Moments
) -> float:
    """The squared 2-Wasserstein distance of the Gaussians fitted to two sets of features.

    |μa − μb|² + tr Σa + tr Σb − 2 tr (Σa Σb)^½ (Dowson & Landau 1982; as a measure of
    generative models Heusel et al. 2017, arXiv:1706.08500, eq. 6), with the unbiased covariances.
    On Inception's pooled features it is the FID. `a` n×d and `b` m×d floating-point features of at
    least two images, or their statistics; computed in float64.

    With Σa = AᵀA and Σb = BᵀB, tr (Σa Σb)^½ is the sum of the singular values of A Bᵀ. They are
    the roots of the eigenvalues of a symmetric matrix, which are found several times as fast, and
    are taken from there unless one is so small that rounding would show in its root. Fewer images
    than features leave the covariances singular; the distance is then exact but far from what more
    images would give, and a warning says so.
    """
    first, second = _gaussian(a), _gaussian(b)
    _check_pair(first, second)
    return _distance(first, second, _overlap(first, second))


@takes_arrays
def frechet_estimate(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    """`frechet_distance` with its standard error over fresh draws of both sets of images.

    The infinitesimal jackknife (Jaeckel 1972; Efron 1982): with T the optimal transport map from
    the first Gaussian to the second, Σa^-½ (Σa^½ Σb Σa^½)^½ Σa^-½, the influence of an image x of
    the first set is 2 (μa − μb)·(x − μa) + (x − μa)ᵀ (I − T) (x − μa) less its mean, that of an
    image of the second likewise; the squared error is var/n + var/m. In simulations it was within a
    tenth of the true error, also with fewer images than features, and 1.3 times it between equal
    distributions, where first derivatives vanish. It says nothing of the bias, which for few images
    is much larger (see `frechet_infinity`).
    """
    distance, influence_a, influence_b = frechet_influences(sample_features, reference_features)
    variance = sum(float(x.var()) / len(x) for x in (influence_a, influence_b))
    return Estimate(distance, math.sqrt(variance), "images")


def _fid_forward(forward_features: Tensor, second_domain_features: Tensor) -> Estimate:
    return frechet_estimate(forward_features, second_domain_features)


def _fid_backward(backward_features: Tensor, first_domain_features: Tensor) -> Estimate:
    return frechet_estimate(backward_features, first_domain_features)


def _reconstruction_fid(reconstruction_features: Tensor, reference_features: Tensor) -> Estimate:
    return frechet_estimate(reconstruction_features, reference_features)


FID = Metric(
    "fid",
    frechet_estimate,
    "lower",
    "Fréchet distance",
    "Heusel et al. 2017, arXiv:1706.08500",
    kind="distribution",
    scale="log",
    digits=2,
    least=both(2),
    range=(0.0, None),
    fooled_by=worse_with("noise", "blur", "dropped_modes"),
)
SFID = Metric(
    "sfid",
    frechet_estimate,
    "lower",
    "Fréchet distance of spatial features",
    "Nash et al. 2021, arXiv:2103.03841",
    kind="distribution",
    scale="log",
    digits=2,
    least=both(2),
    range=(0.0, None),
    network="inception:spatial",
)
RECONSTRUCTION_FID = Metric(
    "reconstruction_fid",
    _reconstruction_fid,
    "lower",
    "Fréchet distance of reconstructions to the test images",
    "Heusel et al. 2017, arXiv:1706.08500",
    kind="distribution",
    scale="log",
    digits=2,
    least={"reference": 2},
    range=(0.0, None),
)
FID_FORWARD = Metric(
    "fid_forward",
    _fid_forward,
    "lower",
    "Fréchet distance of translations to the second domain",
    "Heusel et al. 2017, arXiv:1706.08500",
    kind="translation",
    scale="log",
    digits=2,
    range=(0.0, None),
)
FID_BACKWARD = Metric(
    "fid_backward",
    _fid_backward,
    "lower",
    "Fréchet distance of translations to the first domain",
    "Heusel et al. 2017, arXiv:1706.08500",
    kind="translation",
    scale="log",
    digits=2,
    range=(0.0, None),
)


def frechet_influences(a: Tensor, b: Tensor) -> tuple[float, Tensor, Tensor]:
    """The distance, and the influence on it of each image of `a` n×d (n) and `b` m×d (m).

    The influence of an image is the derivative of the distance with respect to its weight, times
    the number of images.
    """
    first, second = _gaussian(a), _gaussian(b)
    _check_pair(first, second)
    overlap, transported_a, transported_b = _transport(first, second)
    shift = first.mean - second.mean
    influences = [
        2 * _rows(x) @ towards + (_rows(x).square().sum(dim=1) - transported) * x.n / (x.n - 1)
        for x, towards, transported in (
            (first, shift, transported_a),
            (second, -shift, transported_b),
        )
    ]
    centred_influences = [x - x.mean() for x in influences]
    return _distance(first, second, overlap), centred_influences[0], centred_influences[1]


@dataclass(frozen=True, eq=False)
class _Gaussian:
    """A fitted Gaussian. The covariance is there where it has full rank or is all that is known;
    the centred features (n×d) where they are known.
    """

    n: int
    mean: Tensor
    covariance: Tensor | None
    centred: Tensor | None

    @property
    def variance(self) -> Tensor:
        """The trace of the covariance."""
        if self.covariance is not None:
            return self.covariance.trace()
        return _rows(self).square().sum() / (self.n - 1)


def _gaussian(x: Tensor | FeatureStatistics | Moments) -> _Gaussian:
    if isinstance(x, Moments):
        return _Gaussian(UNKNOWN, x.mean, x.covariance, None)
    if isinstance(x, FeatureStatistics):
        return _Gaussian(x.n, x.mean, x.covariance, None)
    features = checks.matrix(x, "features", at_least=2)
    n, d = features.shape
    mean = features.mean(dim=0)
    centred = features - mean
    return _Gaussian(n, mean, gram(centred) / (n - 1) if n > d else None, centred)


def _check_pair(a: _Gaussian, b: _Gaussian) -> None:
    d = len(a.mean)
    if d != len(b.mean):
        raise BadInput(f"features differ in width: {d} and {len(b.mean)}")
    fewest = min(a.n, b.n)
    if fewest <= d:
        warnings.warn(
            f"Fréchet distance of {d} features from only {fewest} images: the covariance "
            "is singular and the value depends strongly on the number of images",
            Caveat,
            stacklevel=3,
        )
    elif fewest < ENOUGH * d:
        warnings.warn(
            f"Fréchet distance of {d} features from {fewest} images is biased upwards: compare it "
            "only with those of as many",
            Caveat,
            stacklevel=3,
        )


def _distance(a: _Gaussian, b: _Gaussian, overlap: Tensor) -> float:
    between_means = (a.mean - b.mean).square().sum()
    # Rounding can leave equal sets a hair below the zero that is meant.
    return max(float(between_means + a.variance + b.variance - 2 * overlap), 0.0)


def _overlap(a: _Gaussian, b: _Gaussian) -> Tensor:
    """tr (Σa Σb)^½."""
    if a.covariance is not None and b.covariance is not None:
        eigenvalues = _of_full_rank(a.covariance, b.covariance)
    else:
        eigenvalues = _of_few_images(a, b)
    if eigenvalues is not None:
        return torch.sum(eigenvalues.sqrt())
    return torch.sum(torch.linalg.svdvals(_root(a) @ _root(b).T))


def _of_full_rank(a: Tensor, b: Tensor) -> Tensor | None:
    """The eigenvalues of the product of two covariances, if their roots are to be trusted.

    With the largest variances first, the small eigenvalues come out with more digits than rounding
    the matrix would leave them: among matrices with variances over sixteen orders of magnitude, the
    distance was never off by more than 1e-10 while they were above this limit.
    """
    order = a.diagonal().argsort(descending=True)
    rows_and_columns = order[:, None], order
    reduced = _reduced(a[rows_and_columns], b[rows_and_columns])
    if reduced is None:
        return None
    eigenvalues = torch.linalg.eigvalsh(reduced[1])
    return eigenvalues if _definite(eigenvalues) else None


def _definite(eigenvalues: Tensor) -> bool:
    """Whether the least of ascending eigenvalues is above what rounding may make of a zero."""
    rounding = len(eigenvalues) * torch.finfo(eigenvalues.dtype).eps
    return bool(eigenvalues[0] > rounding * eigenvalues[-1])


def _of_few_images(a: _Gaussian, b: _Gaussian) -> Tensor | None:
    """The eigenvalues of Σa Σb that are not zero, if their roots are to be trusted: where there are
    fewer images than features on a side. Those of products among images, which have no order, are
    off by about the rounding of the largest.
    """
    if a.covariance is None and b.covariance is None:
        cross = _root(a) @ _root(b).T
        squares = gram(cross if len(cross) >= cross.shape[1] else cross.T)
    else:
        few, many = (a, b) if a.covariance is None else (b, a)
        assert many.covariance is not None
        squares = _root(few) @ many.covariance.mm(_root(few).T)
    eigenvalues = torch.linalg.eigvalsh(squares)
    if not _definite(eigenvalues):
        return None
    roots = eigenvalues.sqrt()
    rounding = torch.finfo(roots.dtype).eps * eigenvalues[-1] / roots
    return eigenvalues if bool(rounding.square().sum().sqrt() < 1e-11 * roots.sum()) else None


def _reduced(covariance: Tensor, other: Tensor) -> tuple[Tensor, Tensor] | None:
    """The Cholesky factor L of `covariance`, and Lᵀ `other` L, of which the lower triangle counts:
    the reduction of the symmetric generalised eigenproblem. None if there is no factor.
    """
    if covariance.is_cuda:
        factor, failed = torch.linalg.cholesky_ex(covariance)
        return None if failed else (factor, factor.T @ other @ factor)
    # LAPACK's reduction is half the work of two products. It takes columns first, so that what it
    # calls upper is our lower triangle, which is what eigvalsh and eigh read.
    upper, failed = dpotrf(covariance.numpy().T, lower=0)
    if failed:
        return None
    reduced, _ = dsygst(other.numpy().T, upper, itype=2, lower=0)
    return torch.from_numpy(upper.T), torch.from_numpy(reduced.T)


def _root(x: _Gaussian) -> Tensor:
    """R with RᵀR the covariance, of at most d rows."""
    if x.centred is None:
        return _root_of_covariance(x)
    scaled = x.centred / math.sqrt(x.n - 1)
    if x.covariance is not None:
        root: Tensor = torch.linalg.qr(scaled, mode="r").R
        return root
    # Centred rows add to zero, so that one of them is to spare: a reflection that makes it vanish
    # leaves n − 1 rows of full rank, on which the eigenvalues can be trusted.
    return scaled[1:] + scaled[0] / (math.sqrt(x.n) - 1)


def _root_of_covariance(x: _Gaussian) -> Tensor:
    assert x.covariance is not None
    eigenvalues, vectors = torch.linalg.eigh(x.covariance)
    rounding = len(eigenvalues) * torch.finfo(eigenvalues.dtype).eps * eigenvalues[-1]
    is_positive = eigenvalues > rounding  # the rest are zeros, whose roots would be 1e-8 and add up
    return torch.mm(torch.diag(eigenvalues[is_positive].sqrt()), vectors[:, is_positive].T)


def _rows(x: _Gaussian) -> Tensor:
    assert x.centred is not None
    return x.centred


def _transport(a: _Gaussian, b: _Gaussian) -> tuple[Tensor, Tensor, Tensor]:
    """tr (Σa Σb)^½, (x − μa)ᵀ T (x − μa) of each image of `a`, and likewise of `b` with T⁻¹."""
    if a.covariance is not None and b.covariance is not None:
        reduced = _reduced(a.covariance, b.covariance)
        if reduced is not None:
            # T = L⁻ᵀ M^½ L⁻¹ with M = Lᵀ Σb L, and T⁻¹ = L M^-½ Lᵀ.
            factor, squares = reduced
            eigenvalues, vectors = torch.linalg.eigh(squares)
            if _definite(eigenvalues):
                scale = eigenvalues.sqrt().sqrt()
                to_b = torch.linalg.solve_triangular(factor.T, vectors * scale, upper=True)
                to_a = factor @ (vectors / scale)
                return eigenvalues.sqrt().sum(), _squared(a, to_b), _squared(b, to_a)
    return _transport_by_singular_values(a, b)


def _squared(x: _Gaussian, directions: Tensor) -> Tensor:
    return (_rows(x) @ directions).square().sum(dim=1)


def _transport_by_singular_values(a: _Gaussian, b: _Gaussian) -> tuple[Tensor, Tensor, Tensor]:
    """With rows A / √(n − 1) = Qa Ra, and Ra Rbᵀ = U S Vᵀ: A T Aᵀ = (n − 1) Qa U S Uᵀ Qaᵀ."""
    (basis_a, root_a), (basis_b, root_b) = _basis_and_root(a), _basis_and_root(b)
    u, s, vh = torch.linalg.svd(root_a @ root_b.T, full_matrices=False)
    transported = [
        (x.n - 1) * ((basis @ vectors).square() @ s)
        for x, basis, vectors in ((a, basis_a, u), (b, basis_b, vh.T))
    ]
    return s.sum(), transported[0], transported[1]


def _basis_and_root(x: _Gaussian) -> tuple[Tensor, Tensor]:
    basis, root = torch.linalg.qr(_rows(x) / math.sqrt(x.n - 1))
    return basis, root
