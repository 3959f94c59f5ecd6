"""Metrics that are the mean of a value of each image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from harness.metrics.base import Estimate
from harness.metrics.checks import mean_over


@dataclass(frozen=True)
class MeanOverImages:
    """The mean over images of what `per_image` gives (one value an image, float64 n), with its
    standard error; called with the same arguments.
    """

    per_image: Callable[..., Tensor]

    @property
    def __wrapped__(self) -> Callable[..., Tensor]:
        """What `inspect.signature` reads the parameters from."""
        return self.per_image

    def __call__(self, *args: object, **kwargs: object) -> Estimate:
        """Return the mean over the images."""
        return mean_over(self.per_image(*args, **kwargs), "images")
