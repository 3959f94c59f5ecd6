"""What metrics refuse: a number computed from such input would look right and be wrong."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.metrics.base import Estimate, Uncertainty


def images(x: Tensor) -> None:
    """`x` is uint8 N×C×H×W, with at least one image."""
    if x.dtype != torch.uint8:
        raise BadInput(f"images are {x.dtype}; uint8 values 0 to 255 are needed")
    if x.ndim != 4 or x.numel() == 0:
        raise BadInput(f"images have shape {tuple(x.shape)}; N×C×H×W is needed")


def image_pairs(a: Tensor, b: Tensor) -> None:
    """Both are uint8 N×C×H×W of one shape, with at least one image."""
    images(a)
    images(b)
    if a.shape != b.shape:
        raise BadInput(f"image pairs differ in shape: {tuple(a.shape)} and {tuple(b.shape)}")


def number_pairs(a: Tensor, b: Tensor) -> None:
    """Both are finite float32 N×C×H×W of one shape, with at least one image."""
    for x in (a, b):
        if x.dtype != torch.float32 or x.ndim != 4 or x.shape != a.shape:
            types = " and ".join(f"{one.dtype} of shape {tuple(one.shape)}" for one in (a, b))
            raise BadInput(f"pairs are {types}; float32 N×C×H×W of one shape is needed")
        _finite(x, "images", at_least=1)


def matrix(x: Tensor, name: str, at_least: int) -> Tensor:
    """`x` as float64 n×d, if it is a finite floating-point matrix of `at_least` rows."""
    if x.ndim != 2:
        raise BadInput(f"{name} have shape {tuple(x.shape)}; one row per image is needed")
    return _finite(x, name, at_least)


def vector(x: Tensor, name: str, at_least: int = 1) -> Tensor:
    """`x` as float64 n, if it is a finite floating-point vector of `at_least` values."""
    if x.ndim != 1:
        raise BadInput(f"{name} have shape {tuple(x.shape)}; one value per image is needed")
    return _finite(x, name, at_least)


def feature_pair(a: Tensor, b: Tensor, at_least: int) -> tuple[Tensor, Tensor]:
    """Two float64 feature matrices of one width."""
    pair = matrix(a, "features", at_least), matrix(b, "features", at_least)
    same_width(a, b)
    return pair


def same_width(a: Tensor, b: Tensor) -> None:
    """Two matrices of as many columns."""
    if a.shape[1] != b.shape[1]:
        raise BadInput(f"features differ in width: {a.shape[1]} and {b.shape[1]}")


def unit_rows(x: Tensor, name: str) -> Tensor:
    """The rows of a float64 matrix scaled to unit length; a row of zeros has no direction."""
    norms = x.square().sum(dim=1, keepdim=True).sqrt()
    if zeros := int((norms == 0).sum()):
        raise BadInput(f"{name} of {zeros} of {len(x)} images are all zero; they have no direction")
    return x / norms


def labels(x: Tensor, name: str, n: int) -> None:
    """`x` is an int64 vector of `n` values, one per image."""
    if x.dtype != torch.int64 or x.shape != (n,):
        form = f"{x.dtype} of shape {tuple(x.shape)}"
        raise BadInput(f"{name} are {form}; {n} int64 values, one per image, are needed")


def factors(x: Tensor, name: str, n: int) -> None:
    """`x` is an int64 matrix of `n` rows, each the values of the factors an image was made from,
    in which every factor varies.
    """
    if x.dtype != torch.int64 or x.ndim != 2 or len(x) != n or x.numel() == 0:
        form = f"{x.dtype} of shape {tuple(x.shape)}"
        raise BadInput(f"{name} are {form}; {n} rows of int64 values, one per factor, are needed")
    constant = (x == x[0]).all(dim=0)
    if bool(constant.any()):
        which = constant.nonzero().flatten().tolist()
        raise BadInput(f"{name} {which} have the same value in all {n} images; each has to vary")


def check_anomaly_maps(maps: Tensor, masks: Tensor) -> Tensor:
    """`maps` in at least single precision, if they are finite floats N×H×W and `masks` booleans
    alike, with normal and anomalous pixels.
    """
    if maps.ndim != 3 or not maps.is_floating_point() or maps.numel() == 0:
        form = f"{maps.dtype} of shape {tuple(maps.shape)}"
        raise BadInput(f"anomaly maps are {form}; floats N×H×W are needed")
    if masks.dtype != torch.bool or masks.shape != maps.shape:
        form = f"{masks.dtype} of shape {tuple(masks.shape)}"
        raise BadInput(f"anomaly masks are {form}; booleans of the maps' shape are needed")
    if bad := sum(not bool(image.isfinite().all()) for image in maps):
        raise BadInput(f"anomaly maps of {bad} of {len(maps)} images are NaN or infinite")
    if bool(masks.all()) or not bool(masks.any()):
        kind = "anomalous" if bool(masks.all()) else "normal"
        raise BadInput(f"all pixels are {kind}; detection needs both kinds")
    return maps if maps.dtype == torch.float64 else maps.float()


def _finite(x: Tensor, name: str, at_least: int) -> Tensor:
    if not x.is_floating_point():
        raise BadInput(f"{name} are {x.dtype}; floating point is needed")
    if len(x) < at_least or x.numel() == 0:
        raise BadInput(
            f"{name} of {counted(len(x), 'image')} are too few; at least {at_least} are needed"
        )
    # A sum is finite only if all values are, and is found in a tenth of the time.
    if not bool(x.sum().isfinite()) and not bool(x.isfinite().all()):
        bad = int((~x.isfinite()).reshape(len(x), -1).any(dim=1).sum())
        raise BadInput(f"{name} of {bad} of {len(x)} images are NaN or infinite")
    return x.double()


def mean_over(values: Tensor, over: Uncertainty) -> Estimate:
    """The mean of independent float64 values, with its standard error where there are two."""
    n = len(values)
    stderr = float(values.std()) / math.sqrt(n) if n > 1 else None
    return Estimate(float(values.mean()), stderr, over if n > 1 else None)


def proportion(share: float, n: int) -> Estimate:
    """A `share` of `n` independent cases, with its binomial standard error."""
    return Estimate(share, math.sqrt(share * (1 - share) / n), "images")
