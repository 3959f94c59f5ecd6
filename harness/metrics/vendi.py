"""The Vendi score: how many different images a set amounts to."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric, worse_with

__all__ = ["vendi_score"]


@takes_arrays
def vendi_score(sample_features: Tensor, q: float = 1.0) -> Estimate:
    """The effective number of different images, by the cosine similarity of `sample_features` n×d.

    exp(−Σ λ log λ) of the eigenvalues λ of K/n, K the cosines of all pairs: 1 if all images are
    equal up to scale, min(n, d) at most (Friedman & Dieng 2023, arXiv:2210.02410).
    Another order `q` > 0 gives (Σ λ^q)^(1/(1−q)) (Pasarkar & Dieng 2023, arXiv:2310.12952); below
    1 rare kinds of images count for more, above 1 for less.

    The eigenvalues are those of the smaller of K/n, n×n, and of the features' second moments,
    d×d. The standard error is the infinitesimal jackknife's over images. It covers what another
    draw of n images would give, not the bias of a finite n: with more images the score grows.
    """
    if not (q > 0 and math.isfinite(q)):
        raise BadInput(f"the order q of the Vendi score must be positive and finite, not {q}")
    x = checks.unit_rows(checks.matrix(sample_features, "features", at_least=2), "features")
    eigenvalues, weights = _spectrum(x)
    if q == 1:
        log = eigenvalues.log()
        entropy = -(eigenvalues * log).sum()
        influence = -(weights @ log) - entropy
    else:
        power = eigenvalues ** (q - 1)
        trace = (eigenvalues * power).sum()
        entropy = trace.log() / (1 - q)
        influence = (weights @ power / trace - 1) * (q / (1 - q))
    score = float(entropy.exp())
    return Estimate(score, score * float(influence.std()) / math.sqrt(len(x)), "images")


VENDI = Metric(
    "vendi",
    vendi_score,
    "higher",
    "Vendi score",
    "Friedman & Dieng 2023, arXiv:2210.02410",
    kind="modes",
    digits=2,
    settings={"kernel": "cosine", "q": 1},
    range=(1.0, None),
    fooled_by=worse_with("dropped_modes", "duplicates"),
)


def _spectrum(x: Tensor) -> tuple[Tensor, Tensor]:
    """The positive eigenvalues of K/n, and for each row of unit length its squared coordinate
    along each eigenvector of the second moments: n×eigenvalues, of which a row sums to 1.
    """
    n, d = x.shape
    eigenvalues, vectors = torch.linalg.eigh(x.T @ x / n if d < n else x @ x.T / n)
    # What is left of a zero eigenvalue by rounding carries no image.
    positive = eigenvalues > eigenvalues[-1] * max(n, d) * torch.finfo(x.dtype).eps
    eigenvalues, vectors = eigenvalues[positive], vectors[:, positive]
    weights = (x @ vectors).square() if d < n else n * eigenvalues * vectors.square()
    return eigenvalues / eigenvalues.sum(), weights
