"""Fréchet distances of parts of a set: by its size, in the limit of endless images, by class."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Caveat, Estimate, Metric, both, worse_with
from harness.metrics.frechet import frechet_distance, frechet_estimate, frechet_influences
from harness.metrics.kernel import kernel_distance
from harness.metrics.statistics import FeatureStatistics

__all__ = [
    "Extrapolation",
    "SizePoint",
    "frechet_by_class",
    "frechet_infinity",
    "sample_size_curve",
]


@dataclass(frozen=True)
class Extrapolation:
    """A straight line through distances against 1 / n: the value at 0 with its standard error,
    its slope, the share r² of the distances' variance that it explains, and what it was fitted to.
    """

    estimate: Estimate
    slope: float
    r_squared: float
    sizes: tuple[int, ...]
    distances: tuple[float, ...]


@takes_arrays
def frechet_infinity(
    samples: Tensor, reference: Tensor, *, points: int = 6, seed: int = 2020
) -> Extrapolation:
    """FID∞: the Fréchet distance that endlessly many samples would have to `reference`.

    Chong & Forsyth 2020, arXiv:1911.07023: the bias of the distance is linear in 1/n to
    first order, so that of a line fitted by least squares to distances of random subsets of
    `samples` n×d against 1/n the intercept is nearly free of it. As there, sizes from a tenth of
    the samples to all of them, evenly spaced; but 6 and not 15, and each subset is part of the
    next, so that what was added up of one serves in it. That takes nothing from the intercept: its
    spread over fresh draws was that of 15 independent subsets, or a little less. Below some twice
    as many samples as features higher orders of the bias show, so no subset is smaller than that
    where half of the samples are more; where they are not, a warning says so. The bias of the
    reference's size m remains.

    The subsets overlap, so the residuals of the line say little of its error. That comes from the
    images instead, by the infinitesimal jackknife: the intercept is a weighted sum of distances,
    in which each image has the influence that it has on the distance of all images, shared out
    over the subsets that it is in.
    """
    samples, reference = checks.feature_pair(samples, reference, at_least=2)
    sizes = _ladder(len(samples), samples.shape[1], points)
    order = torch.from_numpy(np.random.RandomState(seed).permutation(len(samples)))
    target = FeatureStatistics.of(reference) if len(reference) > samples.shape[1] else reference
    subsets = _nested(samples[order.to(samples.device)], sizes)
    distances = [_distance(subset, target) for subset in subsets]
    weights = _intercept_weights(sizes)
    value = float(weights @ np.array(distances))
    stderr = _stderr(samples, reference, [order[:size] for size in sizes], weights)
    slope, r_squared = _line(sizes, distances, value)
    estimate = Estimate(value, stderr, "images")
    return Extrapolation(estimate, slope, r_squared, tuple(sizes), tuple(distances))


def _fid_infinity(sample_features: Tensor, reference_features: Tensor) -> Estimate:
    return frechet_infinity(sample_features, reference_features).estimate


FID_INFINITY = Metric(
    "fid_infinity",
    _fid_infinity,
    "lower",
    "Fréchet distance of endlessly many samples",
    "Chong & Forsyth 2020, arXiv:1911.07023",
    kind="distribution",
    version=2,
    digits=2,
    settings={"points": 6, "seed": 2020},
    least={"samples": 11, "reference": 2},
    fooled_by=worse_with("noise", "blur", "dropped_modes"),
)


def _ladder(n: int, d: int, points: int) -> list[int]:
    if points < 3:
        raise BadInput(f"a line with a fit needs at least 3 points, not {points}")
    smallest = max(n // 10, min(2 * d, n // 2), 2)
    if n - smallest < points:
        raise BadInput(f"{n} samples are too few for subsets of {points} different sizes")
    if smallest < 2 * d:
        warnings.warn(
            f"FID∞ of {d} features from {n} samples: subsets of {smallest} are too small for the "
            "bias to be linear in 1/n; at least four times as many samples as features are needed",
            Caveat,
            stacklevel=3,
        )
    return [round(size) for size in np.linspace(smallest, n, points)]


def _nested(samples: Tensor, sizes: Sequence[int]) -> Iterator[Tensor | FeatureStatistics]:
    """The first `size` of `samples` n×d, for each of the ascending `sizes`. Where these are more
    than the features, so that their covariance has full rank, they are merged statistics.
    """
    merged: FeatureStatistics | None = None
    counted = 0
    for size in sizes:
        if size <= samples.shape[1]:
            yield samples[:size]
            continue
        more = FeatureStatistics.of(samples[counted:size])
        merged, counted = merged.merge(more) if merged else more, size
        yield merged


def _distance(samples: Tensor | FeatureStatistics, reference: Tensor | FeatureStatistics) -> float:
    with warnings.catch_warnings():
        # What is said of all images need not be said again of each part.
        warnings.simplefilter("ignore", Caveat)
        return frechet_distance(samples, reference)


def _intercept_weights(sizes: Sequence[int]) -> NDArray[np.float64]:
    """Least squares' intercept of values against 1/size is the sum of them with these weights."""
    inverse = 1 / np.array(sizes)
    away = inverse - inverse.mean()
    weights: NDArray[np.float64] = 1 / len(sizes) - inverse.mean() * away / (away @ away)
    return weights


def _line(
    sizes: Sequence[int], distances: Sequence[float], intercept: float
) -> tuple[float, float]:
    """The slope, and r²: 1 where the distances are all equal, as the line meets them."""
    inverse, values = 1 / np.array(sizes), np.array(distances)
    slope = (values.mean() - intercept) / inverse.mean()
    residual = values - intercept - slope * inverse
    total = ((values - values.mean()) ** 2).sum()
    return float(slope), float(1 - (residual**2).sum() / total) if total > 0 else 1.0


def _stderr(
    samples: Tensor, reference: Tensor, subsets: Sequence[Tensor], weights: NDArray[np.float64]
) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Caveat)
        _, of_samples, of_reference = frechet_influences(samples, reference)
    share = torch.zeros(len(samples), dtype=torch.float64)
    for subset, weight in zip(subsets, weights, strict=True):
        share[subset] += float(weight) / len(subset)
    variance = (of_samples.cpu() * share).square().sum() + of_reference.var() / len(reference)
    return math.sqrt(float(variance))


def mean_frechet_by_class(
    sample_features: Tensor,
    sample_labels: Tensor,
    reference_features: Tensor,
    reference_labels: Tensor,
) -> Estimate:
    """The mean of `frechet_by_class`. Given how many images are of each class, the classes are
    independent, and so are their errors.
    """
    distances = frechet_by_class(
        sample_features, sample_labels, reference_features, reference_labels
    ).values()
    errors = [distance.stderr or 0.0 for distance in distances]
    value = fmean(distance.value for distance in distances)
    return Estimate(value, math.hypot(*errors) / len(errors), "images")


INTRA_FID = Metric(
    "intra_fid",
    mean_frechet_by_class,
    "lower",
    "mean Fréchet distance by class asked for",
    "Miyato & Koyama 2018, arXiv:1802.05637",
    kind="conditional",
    scale="log",
    digits=2,
)


def _class_fid(
    sample_features: Tensor,
    reference_features: Tensor,
    sample_logits: Tensor,
    reference_logits: Tensor,
) -> Estimate:
    """Classes are a classifier's on both sides, so that samples without labels have them too."""
    sample_labels, reference_labels = (
        checks.matrix(logits, "logits", at_least=2).argmax(dim=1)
        for logits in (sample_logits, reference_logits)
    )
    return mean_frechet_by_class(
        sample_features, sample_labels, reference_features, reference_labels
    )


CLASS_FID = Metric(
    "class_fid",
    _class_fid,
    "lower",
    "mean Fréchet distance by class",
    "Miyato & Koyama 2018, arXiv:1802.05637",
    kind="distribution",
    scale="log",
    digits=2,
    least=both(2),
    # A class without any images has no distance: which classes there are does not count.
    fooled_by=worse_with("noise", "blur"),
)


@takes_arrays
def frechet_by_class(
    samples: Tensor, sample_labels: Tensor, reference: Tensor, reference_labels: Tensor
) -> dict[int, Estimate]:
    """The Fréchet distance of each class's samples to the reference images of that class, each with
    its standard error (see `frechet_estimate`).

    Miyato & Koyama 2018, arXiv:1802.05637 (intra FID), whose number is the mean over classes.
    `samples` n×d with int64 labels (n), `reference` m×d with labels (m). Every class of the
    reference needs two images on both sides; classes of few images have singular covariances and a
    large bias, of which a warning says how many images the smallest has.
    """
    sides = [
        _classes(samples, sample_labels, "samples"),
        _classes(reference, reference_labels, "reference images"),
    ]
    of_samples, of_reference = sides
    for label in sorted(of_samples.keys() ^ of_reference.keys()):
        side = "reference" if label in of_samples else "sample"
        raise BadInput(f"no {side} image is of class {label}")
    fewest, d = min(len(x) for side in sides for x in side.values()), samples.shape[1]
    if fewest <= d:
        warnings.warn(
            f"Fréchet distance of {d} features by class from only {fewest} images of the smallest "
            "class: the value depends strongly on the number of images",
            Caveat,
            stacklevel=2,
        )
    with warnings.catch_warnings():
        # What is said of the smallest class need not be said again of each.
        warnings.simplefilter("ignore", Caveat)
        return {
            label: frechet_estimate(of_samples[label], of_reference[label])
            for label in of_reference
        }


def _classes(features: Tensor, labels: Tensor, name: str) -> dict[int, Tensor]:
    checks.labels(labels, f"labels of {name}", len(features))
    classes = {label: features[labels == label] for label in set(labels.tolist())}
    for label, members in classes.items():
        if len(members) < 2:
            raise BadInput(f"{name} of class {label} are too few: 1; at least 2 are needed")
    return classes


@dataclass(frozen=True)
class SizePoint:
    """The distances of a random subset of `size` samples."""

    size: int
    frechet: float
    kernel: Estimate


@takes_arrays
def sample_size_curve(
    samples: Tensor, reference: Tensor, sizes: Sequence[int], *, seed: int = 2020
) -> list[SizePoint]:
    """How the Fréchet and the kernel distance of `samples` n×d depend on how many there are.

    A random subset for each of `sizes`, the smaller ones part of the larger. The kernel distance
    has no such bias, only more spread.
    """
    samples, reference = checks.feature_pair(samples, reference, at_least=4)
    for size in sizes:
        if not 4 <= size <= len(samples):
            raise BadInput(f"a subset of {size} cannot be drawn from {len(samples)} (at least 4)")
    order = torch.from_numpy(np.random.RandomState(seed).permutation(len(samples)))
    # In their own order, so that the whole set has the kernel distance that it has elsewhere.
    subsets = (samples[order[:size].sort().values.to(samples.device)] for size in sizes)
    target = FeatureStatistics.of(reference) if len(reference) > samples.shape[1] else reference
    return [
        SizePoint(len(subset), _distance(subset, target), kernel_distance(subset, reference))
        for subset in subsets
    ]
