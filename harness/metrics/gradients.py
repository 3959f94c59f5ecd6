"""How much estimates of one gradient vary from draw to draw."""

from __future__ import annotations

from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric

__all__ = ["gradient_variance"]

GRADIENT_IMAGES = 32
"""Test images of the batch whose gradient is estimated, the first ones."""
GRADIENT_DRAWS = 100
"""Draws of the codes; each gives one estimate of the gradient."""


@takes_arrays
def gradient_variance(score_deviations: Tensor, pathwise_deviations: Tensor) -> Estimate:
    """The variance of the score-function estimate of the encoder's gradient over the variance of
    the reparameterised one: tr Cov(g_score) / tr Cov(g_path), at the same weights on one batch.

    Kingma & Welling 2014, arXiv:1312.6114, section 2.2; Paisley et al. 2012, arXiv:1206.6430,
    equation 4. Both are n float64, ‖g_i − ḡ‖² of each draw i of the codes, n at least 2. The
    error is over draws, by the delta method. BadInput where the reparameterised one does not vary.
    """
    score = checks.vector(score_deviations, "deviations of score-function gradients", 2)
    path = checks.vector(pathwise_deviations, "deviations of reparameterised gradients", 2)
    if float(path.mean()) <= 0:
        raise BadInput("the reparameterised gradient does not vary; there is no ratio to it")
    value = float(score.mean() / path.mean())
    squares = [float((x / x.mean()).var()) / len(x) if x.any() else 0.0 for x in (score, path)]
    return Estimate(value, value * sum(squares) ** 0.5, "draws")


GRADIENT_VARIANCE = Metric(
    "gradient_variance",
    gradient_variance,
    "neither",
    "variance of score-function gradients over reparameterised ones",
    "Kingma & Welling 2014, arXiv:1312.6114; Paisley et al. 2012, arXiv:1206.6430",
    kind="likelihood",
    scale="log",
    digits=1,
    settings={"images": GRADIENT_IMAGES, "gradient_draws": GRADIENT_DRAWS},
    range=(0.0, None),
)
