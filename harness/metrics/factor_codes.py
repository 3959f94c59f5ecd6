"""Codes and factors as the metrics of disentanglement take them.

Codes are n×d floats, factors n×F int64, each of two or more values (`checks.factors`). Factors are
taken as categories: their order is not used. The standard errors are of the draw of test images,
with the choice of the best dimensions (and, where there is one, the predictor) taken as given.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.base import Estimate

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def arrays(codes: Tensor, factors: Tensor, which: str) -> tuple[Floats, Ints]:
    """Codes and factors of the images that `which` names as arrays. Raises BadInput."""
    checks.factors(factors, f"{which}factors", len(codes))
    x = checks.matrix(codes, f"{which}codes", at_least=2)
    if x.shape[1] < 2:
        raise BadInput("codes have 1 dimension; a gap between dimensions needs 2")
    return x.cpu().numpy(), factors.cpu().numpy()


def test_arrays(codes: Tensor, factors: Tensor, train: Ints, width: int) -> tuple[Floats, Ints]:
    """Codes and factors of test images as arrays. Raises BadInput where they do not fit the factors
    of the training images and the width of their codes.
    """
    x, y = arrays(codes, factors, "test ")
    if x.shape[1] != width or y.shape[1] != train.shape[1]:
        raise BadInput(
            f"training and test images differ in the width of codes ({width} and {x.shape[1]}) "
            f"or in the number of factors ({train.shape[1]} and {y.shape[1]})"
        )
    for j, (of_train, of_test) in enumerate(zip(train.T, y.T, strict=True)):
        if unknown := sorted({*of_test.tolist()} - {*of_train.tolist()}):
            raise BadInput(f"test factor {j} has values that no training image has: {unknown}")
    return x, y


def estimate_of(value: float, scores: Floats) -> Estimate:
    """The value, with the error of a mean over images of `scores` (up to a constant)."""
    return Estimate(value, float(scores.std(ddof=1)) / math.sqrt(len(scores)), "images")
