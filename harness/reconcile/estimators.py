"""The ways in which one metric is computed of the same features or pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from harness.evaluation.profiles import PROFILES
from harness.metrics import (
    FeatureStatistics,
    Subsets,
    frechet_distance,
    frechet_infinity,
    inception_score,
    kernel_distances,
    load_metric,
    prdc,
)
from harness.metrics.base import Metric
from harness.metrics.statistics import Moments
from harness.scoring.variations import Variations

Inputs = Mapping[str, Any]
"""Evidence, by the names of metrics' parameters. For `fid` and `sfid` there are also
`sample_statistics` and `reference_statistics`.
"""
Estimator = Callable[[Inputs, int | None], float]
"""Computes the number from inputs and the seed of subsets (None: the estimator's default)."""

KID_SEED = IS_SEED = 2020
BORDER = 4


def estimators_of(name: str) -> dict[str, Estimator]:
    """The estimators of a metric by name; the harness's own comes first."""
    own = OWN.get(name) or {"the harness's": _of_metric(load_metric(name))}
    return {**own, **_of_profiles(name)}


def _of_profiles(name: str) -> dict[str, Estimator]:
    """The estimators of libraries whose definition of the metric differs from the harness's."""
    if name in PLAIN:
        return {}
    metrics = {library: profile.metrics.get(name) for library, profile in PROFILES.items()}
    default = load_metric(name).compute
    return {
        f"as {library}": _of_metric(metric)
        for library, metric in metrics.items()
        if metric and metric.compute is not default
    }


def _of_metric(metric: Metric) -> Estimator:
    def estimate(inputs: Inputs, _: int | None) -> float:
        return metric.compute(**{need: inputs[need] for need in metric.needs}).value

    return estimate


def _frechet(inputs: Inputs, _: int | None) -> float:
    return frechet_distance(inputs["sample_statistics"], inputs["reference_statistics"])


def _frechet_over_n(inputs: Inputs, _: int | None) -> float:
    sides = (inputs["sample_statistics"], inputs["reference_statistics"])
    return frechet_distance(*map(_population, sides))


def _population(statistics: FeatureStatistics | Moments) -> Moments:
    """The moments with covariance divided by n; unchanged where the number of images is unknown."""
    if isinstance(statistics, Moments):
        return statistics
    return Moments(statistics.mean, statistics.scatter / statistics.n)


def _root(inputs: Inputs, seed: int | None) -> float:
    return float(_frechet(inputs, seed) ** 0.5)


def _unbiased(inputs: Inputs, _: int | None) -> float:
    return frechet_infinity(inputs["sample_features"], inputs["reference_features"]).estimate.value


def _kid(inputs: Inputs, seed: int | None, *, size: int | None = None, unit: int = 1) -> float:
    a, b = inputs["sample_features"], inputs["reference_features"]
    subsets = Subsets(100, size or min(1000, min(len(a), len(b)) // 2), KID_SEED)
    if seed is not None:
        subsets = Subsets(100, subsets.size, seed)
    return unit * float(kernel_distances(a, b, subsets).mean())


def _whole_kid(inputs: Inputs, _: int | None, *, biased: bool) -> float:
    """The squared MMD of both whole sets (Gretton et al. 2012, eq. 3, or with the biased eq. 5)."""
    a, b = inputs["sample_features"].double(), inputs["reference_features"].double()
    return _mean_kernel(a, a, biased) + _mean_kernel(b, b, biased) - 2 * _mean_kernel(a, b, True)


def _mean_kernel(a: Tensor, b: Tensor, with_diagonal: bool) -> float:
    """The mean of (x·y / d + 1)³ over pairs; without the diagonal where the sets are one."""
    total = torch.zeros((), dtype=torch.float64)
    for rows in torch.split(a, 1024):
        total += (rows @ b.T / a.shape[1] + 1).pow(3).sum()
    if with_diagonal:
        return float(total) / (len(a) * len(b))
    diagonal = (a.square().sum(dim=1) / a.shape[1] + 1).pow(3).sum()
    return float(total - diagonal) / (len(a) * (len(a) - 1))


def _inception_score(inputs: Inputs, seed: int | None, *, splits: int) -> float:
    number = IS_SEED if seed is None else seed
    return inception_score(inputs["sample_logits"], splits=splits, seed=number).value


def _neighbours(inputs: Inputs, _: int | None, *, name: str, k: int) -> float:
    values = prdc(inputs["reference_features"], inputs["sample_features"], k)
    return float(getattr(values, name))


def _by_neighbours(name: str, first: int) -> dict[str, Estimator]:
    counts = (first, *(k for k in (3, 5, 10) if k != first))
    return {f"k = {k}": partial(_neighbours, name=name, k=k) for k in counts}


FRECHET: dict[str, Estimator] = {
    "covariance over n − 1": _frechet,
    "covariance over n": _frechet_over_n,
    "FID∞, without the bias of the number of samples": _unbiased,
    "the root of the distance": _root,
}
KID: dict[str, Estimator] = {
    "100 subsets of min(1000, n/2)": _kid,
    "100 subsets of 100": partial(_kid, size=100),
    "100 subsets of 50": partial(_kid, size=50),
    "whole sets, unbiased": partial(_whole_kid, biased=False),
    "whole sets, biased": partial(_whole_kid, biased=True),
    "times 100": partial(_kid, unit=100),
    "times 1000": partial(_kid, unit=1000),
}


def _with_own(name: str, **variations: Any) -> Estimator:
    return _of_metric(Variations(**variations).metric(name))


def _of_pixels(name: str) -> dict[str, Estimator]:
    estimators = {"the harness's": _of_metric(load_metric(name))}
    if name in ("psnr", "ssim"):
        estimators["of the Y channel"] = _with_own(name, y_channel=True)
    return {**estimators, f"without a border of {BORDER} pixels": _with_own(name, border=BORDER)}


OWN: dict[str, dict[str, Estimator]] = {
    "fid": FRECHET,
    "sfid": FRECHET,
    "kid": KID,
    "is": {
        "10 splits": partial(_inception_score, splits=10),
        "one split": partial(_inception_score, splits=1),
    },
    "precision": _by_neighbours("precision", 3),
    "recall": _by_neighbours("recall", 3),
    "density": _by_neighbours("density", 5),
    "coverage": _by_neighbours("coverage", 5),
    **{name: _of_pixels(name) for name in ("psnr", "ssim", "ms_ssim", "mse", "mae")},
}
PLAIN = ("fid", "sfid", "lpips", "precision", "recall", "density", "coverage")
"""Metrics that all libraries compute alike, apart from the estimators listed above."""
