"""How well images are translated between two domains of which no pairs are known."""

from __future__ import annotations

from torch import Tensor

from harness.metrics import translation
from harness.metrics.base import Estimate, Metric
from harness.metrics.frechet import frechet_estimate


def _fid_forward(forward_features: Tensor, second_domain_features: Tensor) -> Estimate:
    return frechet_estimate(forward_features, second_domain_features)


def _fid_backward(backward_features: Tensor, first_domain_features: Tensor) -> Estimate:
    return frechet_estimate(backward_features, first_domain_features)


def _cycle_error(translation_sources: Tensor, cycles: Tensor) -> Estimate:
    return translation.cycle_error(translation_sources, cycles)


def _colour_shift(source_colours: Tensor, translation_colours: Tensor) -> Estimate:
    return translation.colour_shift(source_colours, translation_colours)


FID_FORWARD = Metric(
    "fid_forward", _fid_forward, "lower", "Fréchet distance of translations to the second domain",
    "Heusel et al. 2017, arXiv:1706.08500", scale="log", digits=2,
)  # fmt: skip
FID_BACKWARD = Metric(
    "fid_backward", _fid_backward, "lower", "Fréchet distance of translations to the first domain",
    "Heusel et al. 2017, arXiv:1706.08500", scale="log", digits=2,
)  # fmt: skip
CYCLE_ERROR = Metric(
    "cycle_error", _cycle_error, "lower", "mean absolute error there and back",
    "Zhu et al. 2017, arXiv:1703.10593", scale="log", digits=4, of_pixels=True,
)  # fmt: skip
COLOUR_SHIFT = Metric(
    "colour_shift", _colour_shift, "lower", "change of colour in translation", "",
    scale="log", version=2, digits=4, of_pixels=True,
)  # fmt: skip

METRICS = (FID_FORWARD, FID_BACKWARD, CYCLE_ERROR, COLOUR_SHIFT)
