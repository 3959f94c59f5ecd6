"""What a model's adversary says of test images and of samples."""

from __future__ import annotations

from torch import Tensor

from harness.evaluation.evidence import Evidence
from harness.evaluation.kinds import kind
from harness.evaluation.reconstructions import mapped


@kind("critic", "reference")
def critic_on_test(e: Evidence) -> Tensor:
    """A Wasserstein critic's values of the test images, n."""
    return _judged(e, "reference_images")


@kind("critic", "samples")
def critic_on_samples(e: Evidence) -> Tensor:
    """A Wasserstein critic's values of the samples, n."""
    return _judged(e, "samples")


@kind("odds", "reference")
def odds_on_test(e: Evidence) -> Tensor:
    """The log odds that test images are real, by the discriminator, n."""
    return _judged(e, "reference_images")


@kind("odds", "samples")
def odds_on_samples(e: Evidence) -> Tensor:
    """The log odds that samples are real, by the discriminator, n."""
    return _judged(e, "samples")


def _judged(e: Evidence, images: str) -> Tensor:
    return mapped(e, e[images], e.model.judge)
