"""A number that somebody printed, and the largest distance of a value that rounds to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from harness.core.errors import BadInput, suggest

SET_METRICS = ("fid", "sfid", "kid", "is", "precision", "recall", "density", "coverage")
PAIR_METRICS = ("lpips", "psnr", "ssim", "ms_ssim", "mse", "mae")
"""The metrics whose protocols are searched: of sets of images, and of pairs of images."""

NUMBER = re.compile(r"[-+]?\d{1,12}(\.\d{1,12})?([eE][-+]?\d{1,2})?")


@dataclass(frozen=True)
class ClaimedNumber:
    """`text` is the number as printed, `value` the same as a float. Values at most `rounding`, half
    a unit of its last digit, away from it round to it.
    """

    metric: str
    text: str
    value: float
    rounding: float

    @property
    def is_of_pairs(self) -> bool:
        """Whether the metric compares sample i with reference image i."""
        return self.metric in PAIR_METRICS


def parse_claim(text: str) -> ClaimedNumber:
    """Read `fid=1.50`. Raises BadInput for anything else, and for a metric whose protocols are not
    searched.
    """
    metric, equals, number = (part.strip() for part in text.partition("="))
    if not equals or not NUMBER.fullmatch(number):
        raise BadInput(f"--claimed {text}: METRIC=NUMBER is needed, such as fid=1.50")
    metrics = (*SET_METRICS, *PAIR_METRICS)
    if metric not in metrics:
        raise BadInput(
            f"--claimed {text}: no protocols of {metric!r} are searched"
            f"{suggest(metric, metrics)}; there are: {', '.join(metrics)}"
        )
    exponent = Decimal(number).as_tuple().exponent
    assert isinstance(exponent, int)  # only infinity and NaN have others
    return ClaimedNumber(metric, number, float(number), 0.5 * 10.0**exponent)
