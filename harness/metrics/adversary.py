"""What the adversary of a generator says of held-out and of generated images.

The n outputs on test images and m on samples are a discriminator's: log odds that an image is
real (`odds_on_…`), or the values of a Wasserstein critic (`critic_on_…`).
"""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric

_metric = partial(Metric, kind="adversary", version=2, own_scale=True)

__all__ = ["confidence", "critic_distance", "jensen_shannon_bound"]


@takes_arrays
def critic_distance(critic_on_test: Tensor, critic_on_samples: Tensor) -> Estimate:
    """E D(x) − E D(G(z)): the distance that a Wasserstein critic sees, in its own units; any value.

    Arjovsky et al. 2017, arXiv:1701.07875, equation 2, for this D in place of the best one: the
    critic's loss with its sign turned, without a penalty.
    """
    real, samples = _both(critic_on_test, critic_on_samples)
    return _sum_of_means(real, -samples)


CRITIC_DISTANCE = _metric(
    "critic_distance",
    critic_distance,
    "lower",
    "distance seen by the critic",
    "Arjovsky et al. 2017, arXiv:1701.07875",
)


@takes_arrays
def jensen_shannon_bound(odds_on_test: Tensor, odds_on_samples: Tensor) -> Estimate:
    """log 2 + ½ E log D(x) + ½ E log(1 − D(G(z))), in nats: at most log 2; below 0 where D is worse
    than a coin.

    At most the Jensen-Shannon divergence of data and samples (Goodfellow et al. 2014, equation 1
    and theorem 1), and the estimate of it in figure 4 of Arjovsky et al. 2017, arXiv:1701.07875.
    """
    real, samples = _both(odds_on_test, odds_on_samples)
    estimate = _sum_of_means(F.logsigmoid(real) / 2, F.logsigmoid(-samples) / 2)
    return Estimate(math.log(2) + estimate.value, estimate.stderr, estimate.over)


JENSEN_SHANNON_BOUND = _metric(
    "jensen_shannon_bound",
    jensen_shannon_bound,
    "lower",
    "Jensen-Shannon bound",
    "Goodfellow et al. 2014, arXiv:1406.2661",
    unit="nats",
)


def mean_probability(outputs: Tensor) -> Estimate:
    """The mean of D over images, the probability that they are real: 0 to 1."""
    return checks.mean_over(checks.vector(outputs, "outputs").sigmoid(), "images")


def _on_test(odds_on_test: Tensor) -> Estimate:
    return mean_probability(odds_on_test)


def _on_samples(odds_on_samples: Tensor) -> Estimate:
    return mean_probability(odds_on_samples)


DISCRIMINATOR_ON_TEST = _metric(
    "discriminator_on_test",
    _on_test,
    "nearer",
    "discriminator's probability on test images",
    "Goodfellow et al. 2014, arXiv:1406.2661",
    ideal=0.5,
    range=(0.0, 1.0),
)
DISCRIMINATOR_ON_SAMPLES = _metric(
    "discriminator_on_samples",
    _on_samples,
    "nearer",
    "discriminator's probability on samples",
    "Goodfellow et al. 2014, arXiv:1406.2661",
    ideal=0.5,
    range=(0.0, 1.0),
)


@takes_arrays
def confidence(odds_on_test: Tensor, odds_on_samples: Tensor) -> Estimate:
    """The mean distance of D from one half, 0 to 0.5; either kind of image counts as half."""
    real, samples = _both(odds_on_test, odds_on_samples)
    return _sum_of_means(*((on.sigmoid() - 0.5).abs() / 2 for on in (real, samples)))


DISCRIMINATOR_CONFIDENCE = _metric(
    "discriminator_confidence",
    confidence,
    "lower",
    "confidence of the discriminator",
    "Salimans et al. 2016, arXiv:1606.03498",
    range=(0.0, 0.5),
)


def _both(on_real: Tensor, on_samples: Tensor) -> tuple[Tensor, Tensor]:
    return checks.vector(on_real, "outputs on real images"), checks.vector(
        on_samples, "outputs on samples"
    )


def _sum_of_means(a: Tensor, b: Tensor) -> Estimate:
    """The sum of two means over images that were drawn independently."""
    parts = [checks.mean_over(each, "images") for each in (a, b)]
    errors = [part.stderr for part in parts if part.stderr is not None]
    error = float(torch.tensor(errors).double().norm()) if len(errors) == len(parts) else None
    return Estimate(
        sum(part.value for part in parts), error, "images" if error is not None else None
    )
