"""How different two images look to a network."""

from __future__ import annotations

from torch import Tensor

from harness.extractors import load_perceptual
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.averages import MeanOverImages
from harness.metrics.base import Metric, worse_with

__all__ = ["lpips"]


@takes_arrays
def lpips(a: Tensor, b: Tensor, network: str = "lpips:alex", device: str = "cpu") -> Tensor:
    """The perceptual distance of each pair of uint8 images N×C×H×W: N float32 of at least 0.

    Zhang et al. 2018, arXiv:1801.03924, eq. 1, by the weights of the `lpips` package; `network` is
    `lpips:alex`, `lpips:vgg`, `lpips:squeeze`, or `classifier:…` for the unweighted form on a
    network of this package. Raises BadInput where weights are missing or images are too small.
    """
    checks.image_pairs(a, b)
    return load_perceptual(network, device).distance(a, b)


def _distances(perceptual_distances: Tensor) -> Tensor:
    return checks.vector(perceptual_distances, "perceptual distances")


LPIPS = Metric(
    "lpips",
    MeanOverImages(_distances),
    "lower",
    "perceptual distance",
    "Zhang et al. 2018, arXiv:1801.03924",
    kind="reconstruction",
    scale="log",
    digits=4,
    range=(0.0, None),
    fooled_by=worse_with("noise", "blur"),
)
