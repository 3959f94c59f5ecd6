"""How a number is made, as a record: one field for each decision that moves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from harness.core.seeding import generator


@dataclass(frozen=True)
class SubsetSeed:
    """The seed of random subsets: of NumPy's `RandomState.choice`, or of torch's `randperm`."""

    library: Literal["numpy", "torch"]
    seed: int

    def rows(self, n: int, count: int) -> Tensor:
        """The indices of `count` images out of `n`."""
        if self.library == "numpy":
            chosen = np.random.RandomState(self.seed).choice(n, count, replace=False)
            return torch.from_numpy(chosen)
        draws = torch.Generator().manual_seed(self.seed)
        return torch.randperm(n, generator=draws)[:count]

    def __str__(self) -> str:
        return f"{self.seed} ({self.library})"


@dataclass(frozen=True)
class ImageCount:
    """How many images of a set are used, and which: all, the first, or random ones. A count of
    samples may exceed what there is: the distance is then extrapolated.
    """

    order: Literal["all", "first", "random", "extrapolated"] = "all"
    count: int = 0

    def rows(self, n: int, seed: SubsetSeed | None, draw: int) -> Tensor | None:
        """The indices of the images out of `n`; None for all. Random images without a seed are
        drawn by the harness's own generator number `draw`.
        """
        if self.order in ("all", "extrapolated"):
            return None
        if self.order == "first":
            return torch.arange(self.count)
        if seed:
            return seed.rows(n, self.count)
        return torch.randperm(n, generator=generator(draw, "reconcile", n))[: self.count]

    def __str__(self) -> str:
        return self.order if self.order == "all" else f"{self.order} {self.count:,}"


ALL = ImageCount()

Field = Literal[
    "reference", "reference_count", "sample_count", "subset_seed", "crop", "resize", "encoding",
    "network", "estimator",
]  # fmt: skip

HEADINGS: Mapping[Field, str] = {
    "reference": "reference",
    "reference_count": "reference images",
    "sample_count": "samples",
    "subset_seed": "seed of subsets",
    "crop": "crop",
    "resize": "resize",
    "encoding": "pixels",
    "network": "network",
    "estimator": "estimator",
}
"""The fields of a protocol, as tables name them."""


@dataclass(frozen=True)
class Deviation:
    """One field of a protocol with another value than that of the default protocol."""

    field: Field
    value: str | ImageCount | SubsetSeed

    def __str__(self) -> str:
        return f"{HEADINGS[self.field]}: {self.value}"


@dataclass(frozen=True)
class ScoringProtocol:
    """What samples are compared with, which images of both sides are used, what is done to their
    pixels, which network computes features, and which estimator the number. `network` is empty for
    metrics of pixels.
    """

    reference: str
    crop: str
    resize: str
    encoding: str
    network: str
    estimator: str
    reference_count: ImageCount = ALL
    sample_count: ImageCount = ALL
    subset_seed: SubsetSeed | None = None

    def deviate(self, *deviations: Deviation) -> ScoringProtocol:
        """Returns the protocol with these values."""
        values: dict[str, Any] = {each.field: each.value for each in deviations}
        return replace(self, **values)

    @property
    def is_drawn(self) -> bool:
        """Whether it uses random images that were drawn with an unknown seed."""
        orders = (self.reference_count.order, self.sample_count.order)
        return self.subset_seed is None and "random" in orders
