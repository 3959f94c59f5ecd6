"""How much worse a metric may become: in its own unit, or as a share of its value."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from harness.core.errors import BadInput, suggest
from harness.metrics.base import Better
from harness.statistics.scale import EffectKind


@dataclass(frozen=True)
class Tolerance:
    """A worsening that is allowed: `amount`, in the metric's unit or, where it is `relative`, as a
    share (0.05 is 5 %).
    """

    amount: float
    relative: bool = False

    def __str__(self) -> str:
        return f"{100 * self.amount:g} %" if self.relative else f"{self.amount:g}"

    def margin(self, before: float, kind: EffectKind, better: Better) -> float:
        """Returns the tolerance on the scale on which metrics are compared, where the baseline's
        mean is `before`. On the scale of ratios a share means the factor 1 + share, in either
        direction. It is infinite where the metric would have to fall to zero or below.
        """
        if kind == "difference":
            return self.amount * abs(before) if self.relative else self.amount
        if self.relative:
            return math.log1p(self.amount)
        if better == "lower":
            return math.log1p(self.amount / before)
        return -math.log1p(-self.amount / before) if self.amount < before else math.inf


def parse_tolerances(texts: Iterable[str], metrics: Collection[str]) -> dict[str, Tolerance]:
    """Reads tolerances such as `fid=5%` and `recall=0.02`, by metric. Raises BadInput for any other
    form, for an unknown metric, and for a metric that is named twice.
    """
    tolerances: dict[str, Tolerance] = {}
    for text in texts:
        name, _, amount = (part.strip() for part in text.partition("="))
        match = re.fullmatch(r"(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*(%?)", amount, re.IGNORECASE)
        if not match:
            raise BadInput(f"tolerance {text!r}: write METRIC=AMOUNT, as in fid=5% or recall=0.02")
        if name not in metrics:
            raise BadInput(f"tolerance {text!r}: unknown metric {name!r}{suggest(name, metrics)}")
        if name in tolerances:
            raise BadInput(f"tolerance {text!r}: {name} has two, {tolerances[name]} is the other")
        number = float(match[1] + (match[2] or ""))
        tolerances[name] = Tolerance(number / 100, True) if match[3] else Tolerance(number)
    return tolerances
