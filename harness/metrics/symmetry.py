"""Whether images are symmetric from left to right."""

from __future__ import annotations

from torch import Tensor

from harness.metrics import checks
from harness.metrics.base import Estimate, Metric, worse_with


def symmetry_error(symmetric_samples: Tensor) -> Estimate:
    """The mean squared difference of images uint8 n×C×H×W from their mirror images, on the [0, 1]
    scale; its standard error over images. Exact, and 0 for images that are symmetric.
    """
    checks.images(symmetric_samples)
    difference = symmetric_samples.short() - symmetric_samples.flip(-1).short()
    squares = difference.long().square().flatten(1).sum(dim=1).double()
    return checks.mean_over(squares / (255**2 * symmetric_samples[0].numel()), "images")


SYMMETRY_ERROR = Metric(
    "symmetry_error",
    symmetry_error,
    "lower",
    "difference from the mirror image",
    "",
    kind="structure",
    scale="log",
    digits=5,
    of_pixels=True,
    range=(0.0, None),
    fooled_by=worse_with("noise", "blur"),
)
