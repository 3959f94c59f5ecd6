"""How much worse a metric may become: in its own unit, or as a share of what it was."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.core.errors import BadInput, suggest
from harness.metrics.base import Better, Metric
from harness.statistics.scale import EffectKind


@dataclass(frozen=True)
class Tolerance:
    """`amount` in the metric's unit or, where it is `relative`, as a share (0.05 is 5 %)."""

    amount: float
    relative: bool = False

    def __str__(self) -> str:
        return f"{100 * self.amount:g} %" if self.relative else f"{self.amount:g}"

    def margin(self, before: float, kind: EffectKind, better: Better) -> float:
        """The same on the scale on which metrics are compared, where the baseline's mean is
        `before`. A share of a ratio is the factor 1 + share, in both directions. Infinite where
        the metric would have to fall to zero or below.
        """
        if kind == "difference":
            return self.amount * abs(before) if self.relative else self.amount
        if self.relative:
            return math.log1p(self.amount)
        if better == "lower":
            return math.log1p(self.amount / before)
        return -math.log1p(-self.amount / before) if self.amount < before else math.inf


def parse_tolerances(texts: Iterable[str], metrics: Mapping[str, Metric]) -> dict[str, Tolerance]:
    """`fid=5%` and `recall=0.02` by metric. Raises BadInput for what is not of this form, and for
    metrics that are not there.
    """
    found: dict[str, Tolerance] = {}
    for text in texts:
        name, _, amount = (part.strip() for part in text.partition("="))
        match = re.fullmatch(r"(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*(%?)", amount, re.IGNORECASE)
        if not match:
            raise BadInput(f"tolerance {text!r}: write METRIC=AMOUNT, as in fid=5% or recall=0.02")
        if name not in metrics:
            raise BadInput(f"tolerance {text!r}: unknown metric {name!r}{suggest(name, metrics)}")
        if name in found:
            raise BadInput(f"tolerance {text!r}: {name} has two, {found[name]} is the other")
        number = float(match[1] + (match[2] or ""))
        found[name] = Tolerance(number / 100, True) if match[3] else Tolerance(number)
    return found
