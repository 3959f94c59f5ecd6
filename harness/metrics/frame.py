"""A centre and a scale for features, so that products give distances without losing digits.

|x − y|² = |x|² + |y|² − 2 x·y is exact to the rounding of |x|² + |y|²: little where the features
lie about the origin and are of a size that float32 has digits for, and all there is where they are
not. Both follow here from the bulk of the features, on which a few that exploded have no say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.metrics.products import TILE, block_dtype

ROWS = 512
"""Features of each set whose medians stand for all: the frame decides how fast, not what."""

REACH = 2.0**45
"""Norms above this, where most are about 1, leave float32 no room for squares and products."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Features are placed at (x − `centre`) · `scale`, a power of two, and computed in `dtype`.

    A squared distance there that is computed from products is off by at most `slack` times
    |x|² + |y|², plus `least`.
    """

    centre: Tensor
    scale: float
    dtype: torch.dtype
    least: float

    @classmethod
    def of(cls, *sets: Tensor) -> Frame:
        """The frame of sets of finite features n×d."""
        some = [x[:: max(1, len(x) // ROWS)].double() for x in sets]
        centre = some[0].median(dim=0).values
        # Norms by their largest value and the rest relative to it: squares may overflow.
        typical = float(
            torch.cat(
                [torch.linalg.vector_norm(x - centre, dim=1, ord=torch.inf) for x in some]
            ).median()
        )
        largest = max(_largest(x, centre) for x in sets)
        unit = typical or largest
        scale = math.ldexp(1.0, max(-1000, min(1000, -math.frexp(unit)[1])))
        reach = largest * scale * math.sqrt(len(centre))
        dtype = block_dtype(centre.device) if reach < REACH else torch.float64
        # What underflows is lost whole: by each product, and by each value, times the other one.
        tiny = torch.finfo(dtype).tiny
        return cls(centre, scale, dtype, 8 * (len(centre) + 8) * tiny * max(1.0, reach))

    def place(self, x: Tensor) -> Tensor:
        """Features in the frame, float64."""
        return (x.double() - self.centre).mul_(self.scale)

    @property
    def slack(self) -> float:
        """That of products in the frame's dtype."""
        return self.slack_of(self.dtype)

    def slack_of(self, dtype: torch.dtype) -> float:
        """By what share of |x|² + |y|² a squared distance can be off, at most.

        With unit roundoff u, a product of d terms summed in any order is off by at most
        d u / (1 − d u) times |x||y| ≤ (|x|² + |y|²) / 2 (Higham 2002, section 3.1), and counts
        twice; rounding the features, the norms and the sums adds less than 16 u.
        """
        error = (len(self.centre) + 16) * torch.finfo(dtype).eps / 2
        return error / (1 - error)


def _largest(x: Tensor, centre: Tensor) -> float:
    """The largest value of features about the centre."""
    parts = torch.split(x, TILE)
    return max(float((part.double() - centre).abs().max()) for part in parts)
