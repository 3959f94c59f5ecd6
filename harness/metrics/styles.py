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
    """exp(Σ H(Y|X)) over factors, in nats: at least 1, where each is a linear function of the code.

    Karras et al. 2019, arXiv:1812.04948, section 4.2. `latent_codes` n×d, the factors Y of their
    images, int64 n×F, and how unsure each image's factors are, n: the surer half is kept. X is what
    a linear support vector machine of standardised codes says, one for each factor, fitted to every
    other code and asked for the rest. BadInput for fewer than 8 codes.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    codes = checks.matrix(latent_codes, "codes", at_least=8)
    if latent_factors.dtype != torch.int64 or latent_factors.shape[:1] != codes.shape[:1]:
        raise BadInput(f"factors must be int64 {len(codes)}×F, one row for each code")
    distances = checks.vector(factor_distances, "distances")
    sure = distances.argsort(stable=True)[: len(codes) // 2].sort().values
    x, y = codes[sure].numpy(), latent_factors[sure]
    entropy = 0.0
    for values in y.unbind(dim=1):
        fit, asked = values[::2], values[1::2]
        if bool((fit == fit[0]).all()):
            entropy += _conditional_entropy(asked.numpy(), np.zeros(len(asked)))
            continue
        machine = make_pipeline(StandardScaler(), LinearSVC(dual=False))
        machine.fit(x[::2], fit.numpy())
        entropy += _conditional_entropy(asked.numpy(), machine.predict(x[1::2]))
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
    """How often shape and position of a mixed image are those of the code of its earlier layers, of
    all that are one code's and not the other's: 0 to 1, chance is a half.

    Karras et al. 2019, arXiv:1812.04948, section 3.1. `mixed_factors` int64 n×3×F are of the images
    of both codes and of the mixed one, `factor_names` their F names. The standard error is that of
    a ratio over images. BadInput where nothing can be told.
    """
    return _share(mixed_factors, factor_names, COARSE, of=0)


@takes_arrays
def fine_from_late(mixed_factors: Tensor, factor_names: Sequence[str]) -> Estimate:
    """How often the colour of a mixed image is that of the code of its later layers; all else as of
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


def _conditional_entropy(y: NDArray[Any], x: NDArray[Any]) -> float:
    """H(Y|X) in nats of two labels of the same things, by their counts."""
    joint = np.unique(np.stack([x, y]), axis=1, return_counts=True)[1] / len(y)
    marginal = np.unique(x, return_counts=True)[1] / len(y)
    return float((marginal * np.log(marginal)).sum() - (joint * np.log(joint)).sum())


def _share(mixed: Tensor, names: Sequence[str], wanted: Sequence[str], of: int) -> Estimate:
    """The share of the comparisons in which the mixed image has the factor of the code `of`."""
    if mixed.ndim != 3 or mixed.shape[1:] != (3, len(names)):
        raise BadInput(f"mixed factors must be n×3×{len(names)}, not {tuple(mixed.shape)}")
    if missing := [name for name in wanted if name not in names]:
        raise BadInput(f"there is no factor {missing[0]!r}; there are {', '.join(names)}")
    first, second, image = mixed[:, :, [names.index(name) for name in wanted]].unbind(dim=1)
    told = (first != second) & ((image == first) | (image == second))
    hits = told & (image == (first, second)[of])
    compared, counted = told.sum(dim=1).double(), hits.sum(dim=1).double()
    if not bool(compared.sum()):
        raise BadInput("no mixed image has a factor of one of its codes alone")
    share = float(counted.sum() / compared.sum())
    error = float((counted - share * compared).norm() / compared.sum())
    return Estimate(share, error, "images")
