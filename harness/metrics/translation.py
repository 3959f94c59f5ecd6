"""What a translation keeps of the image that it was made from."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.metrics import checks
from harness.metrics.base import Estimate
from harness.metrics.reconstruction import mae


def cycle_error(images: Tensor, cycles: Tensor) -> Estimate:
    """Mean absolute error of images translated there and back, uint8 N×C×H×W, on the [0, 1] scale.

    What Zhu et al. 2017, arXiv:1703.10593, equation 2, train by, here of both directions together.
    """
    return checks.mean_over(mae(cycles, images), "images")


def colour_shift(sources: Tensor, translations: Tensor) -> Estimate:
    """How far translations are from the colours of their sources: the mean of ½ Σ |p − q|, where p
    and q are the shares of red, green and blue in all the light of an image (chromaticity of the
    mean colour; Wyszecki & Stiles 1982, section 3.3.1).

    Images are uint8 N×3×H×W. 0 where the shares are equal, whatever the brightness; 1 where no
    light is of a common colour. An image without light counts as grey.
    """
    checks.image_pairs(sources, translations)
    difference = (_shares(sources) - _shares(translations)).abs().sum(dim=1) / 2
    return checks.mean_over(difference, "images")


def _shares(images: Tensor) -> Tensor:
    """N×3 float64, of sum 1."""
    light = images.long().sum(dim=(2, 3)).double()
    total = light.sum(dim=1, keepdim=True)
    return torch.where(total > 0, light / total, 1 / 3)
