"""What a profile is: metrics as one library computes them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from harness.core.errors import BadInput
from harness.evaluation.specs import Role
from harness.metrics import METRICS
from harness.metrics.base import Caveat, Estimate, Metric, Uncertainty, both


@dataclass(frozen=True)
class Profile:
    """The metrics of `library`, which give its numbers; `tried` is the version they were met with.

    `networks` are the feature networks that it fixes, by role.
    """

    library: str
    tried: str
    metrics: Mapping[str, Metric]
    networks: Mapping[Role, str] = field(default_factory=dict)

    def metric(self, name: str) -> Metric:
        """Its metric of this name; BadInput, naming those that it has, where there is none."""
        if name not in self.metrics:
            raise BadInput(
                f"the profile {self.library} has no metric {name!r}; it has: "
                f"{', '.join(self.metrics)}"
            )
        return self.metrics[name]

    def fix(self, networks: Mapping[Role, str | None]) -> dict[Role, str | None]:
        """Returns `networks` with the profile's own. Raises BadInput where a suite names others."""
        for role, fixed in self.networks.items():
            if (name := networks.get(role)) and name != fixed:
                raise BadInput(f"the profile {self.library} means the {role} {fixed}, not {name}")
        return {**networks, **self.networks}


def make_profile(
    library: str,
    tried: str,
    metrics: Sequence[Metric],
    networks: Mapping[Role, str] | None = None,
) -> Profile:
    """A profile whose name and version stand in the protocol of each number: it is ranked beside
    others of that library alone, also where the definition is the harness's own.
    """
    marked = {
        metric.name: replace(metric, settings={"profile": f"{library}-{tried}", **metric.settings})
        for metric in metrics
    }
    return Profile(library, tried, marked, networks or {})


def variant(
    name: str, compute: Callable[..., Estimate] | None = None, **settings: str | int | float
) -> Metric:
    """Returns the harness's metric of this name with these settings, and with `compute` in place of
    its own function where that is given.
    """
    metric: Metric = METRICS[name]
    changes: dict[str, Any] = {"compute": compute} if compute else {}
    return replace(metric, settings=settings, **changes)


def limited(metric: Metric, *, images: int | None = None, smallest: int | None = None) -> Metric:
    """Returns the metric with the number of samples, of reference images and of pixels a side that
    it needs here.
    """
    return replace(
        metric,
        least=metric.least if images is None else both(images),
        smallest=smallest or metric.smallest,
    )


def reported_spread(values: Tensor, library: str, over: Uncertainty, correction: int) -> None:
    """Keeps what the library gives after its ±, which is no standard error, beside the number."""
    spread = float(values.std(correction=correction))
    warnings.warn(
        f"{library} gives ± {spread:.7g}, the standard deviation over {over}", Caveat, stacklevel=2
    )


def subset_estimate(values: Tensor, size: int, images: int) -> Estimate:
    """The mean over subsets of `size` out of `images`, with the delete-d jackknife error (see
    `harness.metrics.kernel.kernel_distance`); none where each subset is the whole set.
    """
    if size == images:
        return Estimate(float(values.mean()))
    jackknife = float(values.std(correction=0)) * math.sqrt(size / (images - size))
    return Estimate(float(values.mean()), jackknife, "subsets")
