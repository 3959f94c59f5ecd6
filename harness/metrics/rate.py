"""How many bits, or nats, the code of an image takes: the rate, to read beside the distortion."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric

__all__ = ["code_rate", "unit_kl_mean"]


@takes_arrays
def code_rate(rates: Tensor) -> Estimate:
    """The mean of `rates`, n floats of at least 0: how long the code of an image is.

    Of a VAE the rate R = E KL(q(z|x) ‖ p(z)) of Alemi et al. 2018, arXiv:1711.00464, section 2.
    """
    lengths = checks.vector(rates, "lengths of codes")
    if not bool(torch.all(lengths >= 0)):
        raise BadInput(f"the length of a code is {float(lengths.min()):g}; none can be below 0")
    return checks.mean_over(lengths, "images")


@takes_arrays
def unit_kl_mean(unit_kl_nats: Tensor) -> Estimate:
    """The mean over images and units of KL(q(z_j|x) ‖ p(z_j)), `unit_kl_nats` n×d floats."""
    return checks.mean_over(checks.matrix(unit_kl_nats, "divergences", 1).mean(dim=1), "images")


def _bits(code_bits: Tensor) -> Estimate:
    return code_rate(code_bits)


def _kl(unit_kl_nats: Tensor) -> Estimate:
    return code_rate(checks.matrix(unit_kl_nats, "divergences", 1).sum(dim=1))


CODE_BITS = Metric(
    "code_bits",
    _bits,
    "lower",
    "bits of an image's code",
    "Alemi et al. 2018, arXiv:1711.00464",
    kind="likelihood",
    scale="log",
    unit="bits",
    digits=0,
    range=(0.0, None),
)
KL = Metric(
    "kl",
    _kl,
    "neither",
    "KL of codes from the prior",
    "Kingma & Welling 2014, arXiv:1312.6114",
    kind="likelihood",
    unit="nats",
    digits=1,
    range=(0.0, None),
)
KL_PER_UNIT = Metric(
    "kl_per_unit",
    unit_kl_mean,
    "neither",
    "KL of a unit from the prior",
    "Kingma & Welling 2014, arXiv:1312.6114",
    kind="likelihood",
    unit="nats",
    range=(0.0, None),
)
