"""What training logged, at its end."""

from __future__ import annotations

from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric

LAST = 0.1
"""The share of the images, at the end, over which values are averaged."""


@takes_arrays
def generator_gradient_norm(generator_gradient_norms: Tensor) -> Estimate:
    """The mean norm of the generator's gradient over the last tenth of the images, from P×2 of
    images shown and norms. Raises BadInput where there is no point.
    """
    return Estimate(mean_of_last(generator_gradient_norms, "norms of gradients"))


@takes_arrays
def weights_at_bound(shares_at_bound: Tensor) -> Estimate:
    """The mean share of a critic's weights at the bound of clipping over the last tenth of the
    images, from P×2 of images shown and shares. Raises BadInput where there is no point.
    """
    return Estimate(mean_of_last(shares_at_bound, "shares of weights"))


@takes_arrays
def sample_drift(sample_drifts: Tensor) -> Estimate:
    """How far samples of fixed codes move over the last tenth of training, in units of their
    spread: 0 where they stay, about √2 where they become others. From P×2 of images shown and
    drifts. Raises BadInput where there is no drift: after a training of a few steps, or where all
    samples are alike.
    """
    return Estimate(mean_of_last(sample_drifts, "drifts of samples"))


def mean_of_last(curve: Tensor, of: str) -> float:
    """The mean value of the points of a curve, P×2 of images and values, in the last tenth of its
    images. Raises BadInput for another shape.
    """
    if curve.ndim != 2 or curve.shape[1] != 2 or not len(curve):
        raise BadInput(f"{of} must be P×2 of images and values, not {tuple(curve.shape)}")
    images, values = checks.matrix(curve, of, at_least=1).unbind(dim=1)
    return float(values[images > (1 - LAST) * images.max()].mean())


GENERATOR_GRADIENT_NORM = Metric(
    "generator_gradient_norm",
    generator_gradient_norm,
    "neither",
    "norm of the generator's gradient",
    "Goodfellow et al. 2014, arXiv:1406.2661",
    kind="adversary",
    scale="log",
    settings={"last": LAST},
)
WEIGHTS_AT_BOUND = Metric(
    "weights_at_bound",
    weights_at_bound,
    "neither",
    "share of the critic's weights at their bound",
    "Gulrajani et al. 2017, arXiv:1704.00028",
    kind="adversary",
    settings={"last": LAST},
)
SAMPLE_DRIFT = Metric(
    "sample_drift",
    sample_drift,
    "lower",
    "drift of samples late in training",
    "Salimans et al. 2016, arXiv:1606.03498",
    kind="adversary",
    scale="log",
    settings={"codes": 256, "last": LAST},
    range=(0.0, None),
)
