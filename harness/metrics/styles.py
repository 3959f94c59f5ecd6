"""What the styles of a style-based generator carry, by factors that are read off its images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric

__all__ = ["coarse_from_early", "fine_from_late", "linear_separability"]

COARSE, FINE = ("shape", "x", "y"), ("colour",)
"""Factors of `shapes` that are of the whole image, and of each pixel."""


@takes_arrays
def linear_separability(
    latent_codes: Tensor, latent_factors: Tensor, factor_distances: Tensor
) -> Estimate:
    """exp(Σ H(Y|X)) over factors, in nats: 1 where each factor is a linear function of the code,
    else more.

    Karras et al. 2019, arXiv:1812.04948, section 4.2. `latent_codes` n×d; `latent_factors` int64
    n×F, the factors Y of the images of these codes; `factor_distances` n floats, larger where the
    factors of an image are less certain: the half with the smaller ones is kept. X is the
    prediction of a linear support vector machine of standardised codes, one for each factor, fitted
    to every other code and evaluated on the rest. Raises BadInput for fewer than 8 codes.
    """
    codes = checks.matrix(latent_codes, "codes", at_least=8)
    if latent_factors.dtype != torch.int64 or latent_factors.shape[:1] != codes.shape[:1]:
        raise BadInput(f"factors must be int64 {len(codes)}×F, one row for each code")
    distances = checks.vector(factor_distances, "distances")
    kept = distances.argsort(stable=True)[: len(codes) // 2].sort().values
    x = codes[kept].numpy()
    entropy = 0.0
    for y in latent_factors[kept].T.numpy():
        predicted = _predictions(x[::2], y[::2], x[1::2])
        entropy += _conditional_entropy(y[1::2], predicted)
    return Estimate(math.exp(entropy))


LINEAR_SEPARABILITY = Metric(
    "linear_separability",
    linear_separability,
    "lower",
    "linear separability",
    "Karras et al. 2019, arXiv:1812.04948",
    kind="representation",
    scale="log",
    settings={"codes": "standardised", "kept": 0.5},
    range=(1.0, None),
)


@takes_arrays
def coarse_from_early(mixed_factors: Tensor, factor_names: Sequence[str]) -> Estimate:
    """How often a mixed image has the shape and the position of the code of its earlier layers:
    0 to 1, chance is a half. Only factors count that it shares with exactly one of the two codes.

    Karras et al. 2019, arXiv:1812.04948, section 3.1. `mixed_factors` int64 n×3×F: the factors of
    the first code's image, of the second's and of the mixed one; `factor_names` their F names. The
    standard error is for a ratio over images. Raises BadInput where no factor counts.
    """
    return _share(mixed_factors, factor_names, COARSE, of=0)


@takes_arrays
def fine_from_late(mixed_factors: Tensor, factor_names: Sequence[str]) -> Estimate:
    """How often a mixed image has the colour of the code of its later layers; the rest is as in
    `coarse_from_early`.
    """
    return _share(mixed_factors, factor_names, FINE, of=1)


COARSE_FROM_EARLY = Metric(
    "coarse_from_early",
    coarse_from_early,
    "neither",
    "shape and position from the early layers' style",
    "Karras et al. 2019, arXiv:1812.04948",
    kind="representation",
    settings={"factors": " ".join(COARSE)},
    range=(0.0, 1.0),
)
FINE_FROM_LATE = Metric(
    "fine_from_late",
    fine_from_late,
    "neither",
    "colour from the late layers' style",
    "Karras et al. 2019, arXiv:1812.04948",
    kind="representation",
    settings={"factors": " ".join(FINE)},
    range=(0.0, 1.0),
)


def _predictions(
    codes: NDArray[Any], labels: NDArray[Any], test_codes: NDArray[Any]
) -> NDArray[Any]:
    """The labels that a machine fitted to `codes` predicts of `test_codes`, n; zeros where all
    `labels` are equal, to which none can be fitted.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    if (labels == labels[0]).all():
        return np.zeros(len(test_codes))
    machine = make_pipeline(StandardScaler(), LinearSVC(dual=False)).fit(codes, labels)
    predicted: NDArray[Any] = machine.predict(test_codes)
    return predicted


def _conditional_entropy(y: NDArray[Any], x: NDArray[Any]) -> float:
    """H(Y|X) in nats of two labels of the same things, by their counts."""
    joint = np.unique(np.stack([x, y]), axis=1, return_counts=True)[1] / len(y)
    marginal = np.unique(x, return_counts=True)[1] / len(y)
    return float((marginal * np.log(marginal)).sum() - (joint * np.log(joint)).sum())


def _share(mixed: Tensor, names: Sequence[str], factors: Sequence[str], of: int) -> Estimate:
    """Among the `factors` that mixed images share with exactly one code, the share of code `of`."""
    if mixed.ndim != 3 or mixed.shape[1:] != (3, len(names)):
        raise BadInput(f"mixed factors must be n×3×{len(names)}, not {tuple(mixed.shape)}")
    if missing := [name for name in factors if name not in names]:
        raise BadInput(f"there is no factor {missing[0]!r}; there are {', '.join(names)}")
    first, second, image = mixed[:, :, [names.index(name) for name in factors]].unbind(dim=1)
    decided = (image == first) != (image == second)
    hits = decided & (image == (first, second)[of])
    compared, counted = decided.sum(dim=1).double(), hits.sum(dim=1).double()
    if not bool(compared.sum()):
        raise BadInput("no mixed image has a factor of one of its codes alone")
    share = float(counted.sum() / compared.sum())
    error = float((counted - share * compared).norm() / compared.sum())
    return Estimate(share, error, "images")
