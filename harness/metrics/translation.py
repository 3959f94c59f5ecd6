"""What a translation keeps of the image that it was made from."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric, worse_with
from harness.metrics.reconstruction import mae

__all__ = ["class_agreement", "colour_shift", "cycle_error"]


@takes_arrays
def cycle_error(translation_sources: Tensor, cycles: Tensor) -> Estimate:
    """Mean absolute error of images translated there and back, uint8 N×C×H×W, on the [0, 1] scale.

    What Zhu et al. 2017, arXiv:1703.10593, equation 2, train by, here of both directions together.
    """
    return checks.mean_over(mae(cycles, translation_sources), "images")


CYCLE_ERROR = Metric(
    "cycle_error",
    cycle_error,
    "lower",
    "mean absolute error there and back",
    "Zhu et al. 2017, arXiv:1703.10593",
    kind="translation",
    scale="log",
    digits=4,
    of_pixels=True,
    range=(0.0, None),
)


@takes_arrays
def colour_shift(source_colours: Tensor, translation_colours: Tensor) -> Estimate:
    """How far translations are from the colours of their sources, pixel by pixel: the mean of
    ½ Σ |p − q|, where p and q are the shares of red, green and blue in the light of a pixel
    (chromaticity; Wyszecki & Stiles 1982, section 3.3.1).

    Pixels weigh as much as their share in the light of the source and in that of the translation,
    each counting half: the colour of what is dark in both does not matter. Images are uint8
    N×3×H×W. 0 where the shares are equal, whatever the brightness; 1 where no light is of a common
    colour. A pixel without light counts as grey, and so does an image without any.
    """
    checks.image_pairs(source_colours, translation_colours)
    light = [images.double().sum(dim=1) for images in (source_colours, translation_colours)]
    weights = sum(_share_of_all(each) for each in light) / 2
    p, q = (_chromaticity(images) for images in (source_colours, translation_colours))
    difference = ((p - q).abs().sum(dim=1) / 2 * weights).sum(dim=(1, 2))
    return checks.mean_over(difference, "images")


COLOUR_SHIFT = Metric(
    "colour_shift",
    colour_shift,
    "lower",
    "change of colour in translation",
    "",
    kind="translation",
    scale="log",
    version=2,
    digits=4,
    of_pixels=True,
    range=(0.0, None),
    fooled_by=worse_with("grey", "noise"),
)


@takes_arrays
def class_agreement(counterpart_logits: Tensor, translated_logits: Tensor) -> Estimate:
    """The share of translated images that a classifier puts into the class of their counterparts,
    from 0 to 1.

    Both are n×classes floats, paired: what the classifier says of the real image that a translation
    should be, and of the translation. The class of an image is the one of its largest logit.
    """
    real = checks.matrix(counterpart_logits, "logits of counterparts", at_least=1)
    made = checks.matrix(translated_logits, "logits of translations", at_least=1)
    if real.shape != made.shape:
        raise BadInput(
            f"logits of counterparts and translations differ in shape: {tuple(real.shape)} and "
            f"{tuple(made.shape)}"
        )
    return checks.mean_over((real.argmax(dim=1) == made.argmax(dim=1)).double(), "images")


CLASS_AGREEMENT = Metric(
    "class_agreement",
    class_agreement,
    "higher",
    "agreement of the class",
    "",
    kind="translation",
    range=(0.0, 1.0),
    fooled_by=worse_with("noise", "blur"),
)


def _chromaticity(images: Tensor) -> Tensor:
    """N×3×H×W float64, of sum 1 over the colours."""
    light = images.double()
    total = light.sum(dim=1, keepdim=True)
    return torch.where(total > 0, light / total, 1 / 3)


def _share_of_all(light: Tensor) -> Tensor:
    """N×H×W, of sum 1 over the pixels of an image; equal where there is no light."""
    total = light.sum(dim=(1, 2), keepdim=True)
    return torch.where(total > 0, light / total, 1 / light[0].numel())
