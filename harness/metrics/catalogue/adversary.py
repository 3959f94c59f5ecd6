"""What a GAN's discriminator says of images that it did not learn from."""

from __future__ import annotations

from torch import Tensor

from harness.metrics import adversary
from harness.metrics.base import Estimate, Metric


def _critic_distance(critic_on_test: Tensor, critic_on_samples: Tensor) -> Estimate:
    return adversary.critic_distance(critic_on_test, critic_on_samples)


def _jensen_shannon_bound(odds_on_test: Tensor, odds_on_samples: Tensor) -> Estimate:
    return adversary.jensen_shannon_bound(odds_on_test, odds_on_samples)


def _on_test(odds_on_test: Tensor) -> Estimate:
    return adversary.mean_probability(odds_on_test)


def _on_samples(odds_on_samples: Tensor) -> Estimate:
    return adversary.mean_probability(odds_on_samples)


def _confidence(odds_on_test: Tensor, odds_on_samples: Tensor) -> Estimate:
    return adversary.confidence(odds_on_test, odds_on_samples)


CRITIC_DISTANCE = Metric(
    "critic_distance", _critic_distance, "lower", "distance seen by the critic",
    "Arjovsky et al. 2017, arXiv:1701.07875", version=2, own_scale=True,
)  # fmt: skip
JENSEN_SHANNON_BOUND = Metric(
    "jensen_shannon_bound", _jensen_shannon_bound, "lower", "Jensen-Shannon bound",
    "Goodfellow et al. 2014, arXiv:1406.2661", unit="nats", version=2, own_scale=True,
)  # fmt: skip
DISCRIMINATOR_ON_TEST = Metric(
    "discriminator_on_test", _on_test, "nearer",
    "discriminator's probability on test images", "Goodfellow et al. 2014, arXiv:1406.2661",
    ideal=0.5, version=2, own_scale=True,
)  # fmt: skip
DISCRIMINATOR_ON_SAMPLES = Metric(
    "discriminator_on_samples", _on_samples, "nearer",
    "discriminator's probability on samples", "Goodfellow et al. 2014, arXiv:1406.2661",
    ideal=0.5, version=2, own_scale=True,
)  # fmt: skip
DISCRIMINATOR_CONFIDENCE = Metric(
    "discriminator_confidence", _confidence, "lower", "confidence of the discriminator",
    "Salimans et al. 2016, arXiv:1606.03498", version=2, own_scale=True,
)  # fmt: skip

METRICS = (
    CRITIC_DISTANCE, JENSEN_SHANNON_BOUND, DISCRIMINATOR_ON_TEST, DISCRIMINATOR_ON_SAMPLES,
    DISCRIMINATOR_CONFIDENCE,
)  # fmt: skip
