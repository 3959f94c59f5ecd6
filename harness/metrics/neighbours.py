"""Precision, recall, density and coverage: do samples lie where real images do, and everywhere?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harness.metrics import checks

ROWS = 1024
"""Distances are computed in blocks of so many rows, to bound memory."""


@dataclass(frozen=True)
class Prdc:
    """Precision, recall and coverage are in [0, 1]; density is at least 0 and can exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(real: Tensor, fake: Tensor, k: int = 5) -> Prdc:
    """How the features of generated images `fake` m×d lie among those of `real` ones n×d.

    Each image has a ball that reaches to its k-th nearest neighbour in its own set, itself not
    counted. Precision is the share of `fake` inside a ball of `real`, recall the share of `real`
    inside a ball of `fake` (Kynkäänniemi et al. 2019, arXiv:1904.06991, eq. 2). Density is the
    mean number of real balls that a fake image is in, divided by k; coverage the share of real
    balls that a fake image is in (Naeem et al. 2020, arXiv:2002.09797, section 3).

    Exact, in float64. A point on the surface of a ball is inside. On the surface means within
    1e-12 of the mean squared norm, which is above rounding and below anything that float32
    features tell apart; so copies of an image count as copies.
    """
    real, fake = checks.feature_pair(real, fake, at_least=k + 1)
    centre = real.mean(dim=0)  # distances between points far from the origin would lose digits
    real, fake = real - centre, fake - centre
    surface = 1e-12 * torch.cat([real, fake]).square().sum(dim=1).mean()
    radii_real = _squared_radii(real, k) + surface
    radii_fake = _squared_radii(fake, k) + surface

    recalled, covered = [], []
    balls = torch.zeros(len(fake), dtype=torch.int64, device=fake.device)
    for rows, radii in zip(torch.split(real, ROWS), torch.split(radii_real, ROWS), strict=True):
        distances = _squared_distances(rows, fake)
        in_real = distances <= radii[:, None]
        balls += in_real.sum(dim=0)
        covered.append(in_real.any(dim=1))
        recalled.append((distances <= radii_fake).any(dim=1))
    return Prdc(
        precision=_share(balls > 0),
        recall=_share(torch.cat(recalled)),
        density=float(balls.double().mean()) / k,
        coverage=_share(torch.cat(covered)),
    )


def _squared_radii(x: Tensor, k: int) -> Tensor:
    # The nearest of all is the point itself, hence k + 1.
    nearest = [
        _squared_distances(rows, x).topk(k + 1, dim=1, largest=False, sorted=False).values
        for rows in torch.split(x, ROWS)
    ]
    return torch.cat(nearest).amax(dim=1)


def _squared_distances(a: Tensor, b: Tensor) -> Tensor:
    distances = torch.addmm(b.square().sum(dim=1), a, b.T, alpha=-2)
    return distances.add_(a.square().sum(dim=1)[:, None])


def _share(mask: Tensor) -> float:
    return float(mask.double().mean())
