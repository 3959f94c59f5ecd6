"""What a metric is: a pure function of arrays, and a record of what it needs."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from harness.core.disturbance import Disturbance, Response

__all__ = ["Estimate", "Metric"]

Better = Literal["higher", "lower", "nearer", "neither"]
"""Where better values are: on a side, nearer to an ideal value, or nowhere (values only inform)."""

MetricKind = Literal[
    "reconstruction",
    "distribution",
    "translation",
    "conditional",
    "modes",
    "structure",
    "memorisation",
    "likelihood",
    "text",
    "detection",
    "representation",
    "adversary",
    "cost",
]
"""What metrics are grouped by, in the order in which tables show them."""

Ideal = float | Literal["held-out"]
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
    """`Metric.least` of metrics that need `images` samples and as many reference images."""
    return {"samples": images, "reference": images}


def worse_with(*disturbances: Disturbance) -> dict[Disturbance, Response]:
    """`Metric.fooled_by` of metrics that must get worse with each of these disturbances."""
    return dict.fromkeys(disturbances, "worse")


@dataclass(frozen=True)
class Metric:
    """A measurable quantity.

    `compute` takes evidence by the names of its parameters without default (see
    `harness.evaluation.specs.EVIDENCE`) and returns an `Estimate`. `kind` is the group that tables
    show it in; metrics of other packages have none. `scale` is the one on which models are
    compared: "log" for positive, skewed quantities, whose ratio says more than their difference
    (errors, distances, costs); where a value is not positive, as KID's can be, differences are
    compared. `of_pixels` says that it means nothing where
    images are real numbers, such as points in the plane, and not 8-bit pixels; `of_detail` that it
    means nothing where images were enlarged, whose finest detail is the interpolation's. `least` is
    how many images (by the need they meet: "samples", "reference", "train") or different texts
    ("texts") it is defined for, and `smallest` how many pixels a side. `compute` refuses less as
    well; these are for those who want to know before there is evidence.

    Where `better` is "nearer", `ideal` says to what: a value, or "held-out", what real images that
    training did not see get in place of samples. `own_scale` says that values are on a scale of the
    model's own, as those of a critic are, so that values of two models do not compare.

    `network` is the feature network that it always passes images through, whatever the suite's; a
    metric's name may only ask for another one of its kind, such as `vqa:NAME` in place of `vqa`.
    Empty where the suite or its name says which.

    `range` has the least and the greatest value that there can be, None where there is none: no
    interval leaves it. `counts` says that values are whole numbers of things, which several seeds
    may have alike; `of_recipe` that a value follows from the recipe, so that seeds cannot differ.

    `fooled_by` has the disturbances of images that would make values mislead if the metric did not
    respond as stated beside each; the self-test (`harness.selftest`) tries them.

    `retired` says which metrics to take in its place and why; empty for all others. A retired one
    is measured where it is named, and nowhere else.
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
    of_detail: bool = False
    ideal: Ideal | None = None
    own_scale: bool = False
    kind: MetricKind | None = None
    range: tuple[float | None, float | None] = (None, None)
    counts: bool = False
    of_recipe: bool = False
    fooled_by: Mapping[Disturbance, Response] = field(default_factory=dict)
    network: str = ""
    retired: str = ""

    def __post_init__(self) -> None:
        if (self.better == "nearer") != (self.ideal is not None):
            raise ValueError(f"{self.name}: an ideal, and only that, is what values are nearer to")
        for disturbance, response in self.fooled_by.items():
            if (response == "worse") != self.has_sides:
                raise ValueError(
                    f"{self.name}: with {disturbance} it cannot be {response!r}: a metric that has "
                    "a better side gets worse, another one gets higher or lower, or stays steady"
                )

    @property
    def base_name(self) -> str:
        """The name without the variant: `fid` of `fid@dinov2`."""
        return self.name.partition("@")[0]

    @property
    def variant(self) -> str:
        """The feature network that its name asks for, `dinov2` of `fid@dinov2`, or the anomaly
        score, `ssim` of `auroc@ssim`; empty where that is for others to say.
        """
        return self.name.partition("@")[2]

    @property
    def limits(self) -> tuple[float, float]:
        """The ends of the range, infinite where there is none."""
        low, high = self.range
        return (-math.inf if low is None else low, math.inf if high is None else high)

    def limits_with(self, real: float | None, values: Iterable[float]) -> tuple[float, float]:
        """The limits where real images have the value `real`, None where they were not measured. A
        count has no greatest value in its record: the largest of these and of the `values` that
        were measured stands for it.
        """
        low, high = self.limits
        return low, max(real, *values) if self.counts and real is not None else high

    @property
    def heading(self) -> str:
        """The title as the first word of a line; `title` itself is for the middle of a sentence."""
        return self.title[:1].upper() + self.title[1:]

    @property
    def has_sides(self) -> bool:
        """Whether values on one side are better than those on the other."""
        return self.better in ("higher", "lower")

    @property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is; 0 where neither side is."""
        return {"higher": 1, "lower": -1}.get(self.better, 0)

    @property
    def preference(self) -> str:
        """Which values are better, in words: "lower is better"."""
        if self.has_sides:
            return f"{self.better} is better"
        if self.ideal is None:
            return "no value is better"
        ideal = "what held-out images get" if self.ideal == "held-out" else f"{self.ideal:g}"
        return f"nearer to {ideal} is better"

    def as_distance(self) -> Metric:
        """The distance from an ideal that is a number, which is better where it is lower."""
        title = f"distance of {self.title} from {self.ideal:g}"
        return replace(
            self, better="lower", ideal=None, scale="linear", title=title, range=(0.0, None),
            fooled_by={},
        )  # fmt: skip

    @cached_property  # asked many times in planning
    def needs(self) -> tuple[str, ...]:
        """The names of the evidence it is computed from: parameters without default."""
        parameters = inspect.signature(self.compute).parameters.values()
        return tuple(p.name for p in parameters if p.default is p.empty)
