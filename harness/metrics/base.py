"""What a metric is: a pure function of arrays, and a record of what it needs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

Better = Literal["higher", "lower"]
Uncertainty = Literal["images", "subsets", "splits", "repeats", "draws", "votes"]


class Caveat(UserWarning):
    """What a reader of a number must know; it is kept beside the number."""


@dataclass(frozen=True)
class Estimate:
    """A value, with its standard error over what `over` names where the metric has one.

    This is the uncertainty of one evaluation of one trained model. The spread over training seeds
    is another thing, and is computed from several estimates.
    """

    value: float
    stderr: float | None = None
    over: Uncertainty | None = None


def both(images: int) -> dict[str, int]:
    """`Metric.least` of metrics that need so many samples, and as many reference images."""
    return {"samples": images, "reference": images}


@dataclass(frozen=True)
class Metric:
    """A measurable quantity.

    `compute` takes evidence by parameter name (see `harness.evaluation.evidence.EVIDENCE`) and
    returns an `Estimate`. `scale` is the one on which models are compared: "log" for positive
    skewed quantities, whose differences are ratios. `of_pixels` says that it means nothing where
    images are real numbers, such as points in the plane, and not 8-bit pixels. `least` is how many
    images (by the need they meet: "samples", "reference", "train") or different texts ("texts") it
    is defined for, and `smallest` how many pixels a side. `compute` refuses less as well; these are
    for those who want to know before there is evidence.
    """

    name: str
    compute: Callable[..., Estimate]
    better: Better
    title: str
    paper: str
    scale: Literal["linear", "log"] = "linear"
    unit: str = ""
    version: int = 1
    settings: Mapping[str, str | int | float] = field(default_factory=dict)
    digits: int = 3
    of_pixels: bool = False
    least: Mapping[str, int] = field(default_factory=dict)
    smallest: int = 1

    @property
    def heading(self) -> str:
        """The title as the first word of a line; `title` itself is for the middle of a sentence."""
        return self.title[:1].upper() + self.title[1:]

    @cached_property  # asked many times in planning
    def needs(self) -> tuple[str, ...]:
        """The names of the evidence it is computed from."""
        return tuple(inspect.signature(self.compute).parameters)
