"""Structural similarity of image pairs, at one scale and at five."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.averages import MeanOverImages
from harness.metrics.base import Metric, worse_with
from harness.metrics.products import block_dtype

__all__ = ["ms_ssim", "ssim"]

Window = Literal["gaussian", "uniform"]

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""The exponents of the five scales, finest first (Wang et al. 2003, section 3.2)."""

WINDOW = 11
"""The side of the Gaussian window, in pixels."""
FIVE_SCALES = WINDOW * 2 ** (len(SCALE_WEIGHTS) - 1)
"""The smallest side of images that the window fits into at the fifth scale, in pixels."""

_CHUNK = 2**15
"""Values compared at a time: their maps stay in the processor's cache."""
_TILE = 32
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


class _Window(NamedTuple):
    """A window: its weights along one axis, their sum over both, and the factor that makes
    covariances unbiased where that is wanted.
    """

    weights: Tensor
    total: float
    unbias: float


class Similarity(NamedTuple):
    """Means over the positions of the window, N×C float64 each."""

    whole: Tensor
    contrast: Tensor
    """Contrast and structure alone, without luminance."""


@takes_arrays
def ssim(reconstructions: Tensor, originals: Tensor, window: Window = "gaussian") -> Tensor:
    """Structural similarity of each pair of uint8 images N×C×H×W: N float64 in [-1, 1].

    Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity",
    eq. 13, with K1 = 0.01, K2 = 0.03 and L = 255; the mean over the channels and over every
    position at which the window lies inside the image.

    `gaussian` is the paper's window, 11×11 with σ = 1.5, and equals scikit-image's
    `structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)`.
    `uniform` is scikit-image's default: 7×7, with the sample covariance.

    Images smaller than the window raise BadInput.
    """
    checks.image_pairs(reconstructions, originals)
    fitting = _fitting(window, reconstructions)
    parts = list(chunk_pairs(reconstructions, originals))
    # One allocation for all chunks: fresh memory costs as much as the windows themselves.
    scratch = _scratch(parts[0][0], fitting)
    maps = (_maps(x, y, scratch[:, : len(x)]) for x, y in parts)
    return torch.cat([_compare(m, fitting).whole.mean(1) for m in maps])


SSIM = Metric(
    "ssim",
    MeanOverImages(ssim),
    "higher",
    "structural similarity",
    "Wang et al. 2004",
    kind="reconstruction",
    settings={"window": "gaussian-11", "sigma": 1.5},
    of_pixels=True,
    smallest=WINDOW,
    range=(-1.0, 1.0),
    fooled_by=worse_with("noise", "blur"),
)


def similarity(a: Tensor, b: Tensor) -> Similarity:
    """`ssim` by channel, also of images N×C×H×W that are not whole numbers, from 0 to 255. All at
    once: see `chunks`.
    """
    window = _fitting("gaussian", a)
    return _compare(_maps(a, b, _scratch(a, window)), window)


def similarity_map(a: Tensor, b: Tensor) -> Tensor:
    """The structural similarity at each position of the window inside images N×C×H×W from 0 to 255,
    whole numbers or not: N×C×(H − 10)×(W − 10) float64.
    """
    a, b = a.double(), b.double()
    window = _fitting("gaussian", a)
    whole, _ = _by_position(_maps(a, b, _scratch(a, window)), window)
    return whole.view(*a.shape[:2], *(side - WINDOW + 1 for side in a.shape[-2:]))


@takes_arrays
def ms_ssim(reconstructions: Tensor, originals: Tensor) -> Tensor:
    """Structural similarity over five scales of each pair of uint8 images: N float64 in [0, 1].

    Wang et al. 2003, "Multiscale structural similarity for image quality assessment", eq. 7, with
    the exponents `SCALE_WEIGHTS` and the Gaussian window of `ssim`, only where it lies inside the
    image. From scale to scale 2×2 blocks are averaged; an odd last row or column is left out. The
    product over the scales is taken in each channel, then the mean of the channels. The power of a
    negative term would be complex: it counts as 0.

    Both are N×C×H×W. Sides shorter than 176 pixels, for which the window does not fit into the
    fifth scale, raise BadInput.
    """
    checks.image_pairs(reconstructions, originals)
    window = _window("gaussian", reconstructions.device)
    if min(reconstructions.shape[-2:]) < FIVE_SCALES:
        h, w = reconstructions.shape[-2:]
        raise BadInput(
            f"ms_ssim compares at {len(SCALE_WEIGHTS)} scales and needs images of at least "
            f"{FIVE_SCALES} pixels a side, not {h}×{w}"
        )
    return torch.cat(
        [_multiscale(x, y, window).mean(1) for x, y in chunk_pairs(reconstructions, originals)]
    )


MS_SSIM = Metric(
    "ms_ssim",
    MeanOverImages(ms_ssim),
    "higher",
    "multi-scale structural similarity",
    "Wang et al. 2003",
    kind="reconstruction",
    settings={"window": "gaussian-11", "sigma": 1.5, "scales": 5},
    of_pixels=True,
    smallest=FIVE_SCALES,
    range=(0.0, 1.0),
    fooled_by=worse_with("noise", "blur"),
)


def chunk_pairs(a: Tensor, b: Tensor) -> zip[tuple[Tensor, Tensor]]:
    """So many pairs at a time as do not take much memory."""
    size = max(1, _CHUNK // a[0].numel())
    return zip(torch.split(a, size), torch.split(b, size), strict=True)


def _fitting(kind: Window, images: Tensor) -> _Window:
    """The window where the images are; BadInput where they are smaller."""
    window = _window(kind, images.device)
    if min(images.shape[-2:]) < len(window.weights):
        h, w = images.shape[-2:]
        raise BadInput(
            f"ssim needs images of at least {len(window.weights)} pixels a side, not {h}×{w}"
        )
    return window


def _window(kind: Window, device: torch.device) -> _Window:
    if kind == "uniform":
        # Sums, not means: of bytes and their products they are whole numbers below 2²⁴, which
        # float32 has without error at half the cost.
        return _Window(torch.ones(7, dtype=block_dtype(device), device=device), 49.0, 49 / 48)
    x = torch.arange(-5, 6, dtype=torch.float64, device=device)
    weights = torch.exp(-0.5 * (x / 1.5) ** 2)
    return _Window(weights / weights.sum(), 1.0, 1.0)


def _multiscale(a: Tensor, b: Tensor, window: _Window) -> Tensor:
    a, b = a.double(), b.double()
    product = a.new_ones(a.shape[:2])
    for exponent in SCALE_WEIGHTS[:-1]:
        terms = _compare(_maps(a, b, _scratch(a, window)), window)
        product *= terms.contrast.clamp(min=0) ** exponent
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    # Luminance is compared at the coarsest scale alone.
    coarsest = _compare(_maps(a, b, _scratch(a, window)), window).whole
    return product * coarsest.clamp(min=0) ** SCALE_WEIGHTS[-1]


def _scratch(images: Tensor, window: _Window) -> Tensor:
    return torch.empty(4, *images.shape, dtype=window.weights.dtype, device=images.device)


def _maps(a: Tensor, b: Tensor, maps: Tensor) -> Tensor:
    """a, b, a² + b² and a · b, written to `maps`: the formula knows the two variances only by their
    sum.
    """
    maps[0], maps[1] = a, b
    torch.mul(maps[0], maps[0], out=maps[2]).addcmul_(maps[1], maps[1])
    torch.mul(maps[0], maps[1], out=maps[3])
    return maps


def _compare(maps: Tensor, window: _Window) -> Similarity:
    """From `_maps` of images N×C×H×W, values 0 to 255."""
    whole, contrast = _by_position(maps, window)
    return Similarity(whole.mean(2), contrast.mean(2))


def _by_position(maps: Tensor, window: _Window) -> tuple[Tensor, Tensor]:
    """The similarity, and contrast and structure alone, at each of P positions of the window, both
    N×C×P. Each term is the formula's, times the window's total squared.
    """
    sum_a, sum_b, squares, ab = _local_sums(maps, window.weights).double().flatten(3)
    c1, c2 = _C1 * window.total**2, _C2 * window.total**2 / window.unbias
    product = sum_a * sum_b
    # In place from here on: this arithmetic takes as long as the windows do.
    squared_sums = sum_a.square_().add_(sum_b.square_())
    if window.total != 1:
        ab, squares = ab.mul_(window.total), squares.mul_(window.total)
    contrast = ab.sub_(product).mul_(2).add_(c2)
    contrast /= squares.sub_(squared_sums).add_(c2)
    luminance = product.mul_(2).add_(c1).div_(squared_sums.add_(c1))
    return luminance.mul_(contrast), contrast


def _local_sums(maps: Tensor, weights: Tensor) -> Tensor:
    """The window's weighted sums at every position inside the images.

    As products with banded matrices: they take a tenth of the time of a convolution in float64.
    """
    height, width = (size - len(weights) + 1 for size in maps.shape[-2:])
    if max(height, width) <= 2 * _TILE:
        return _band(weights, height) @ maps @ _band(weights, width).mT
    return _down_columns(_down_columns(maps, weights).mT, weights).mT


def _down_columns(maps: Tensor, weights: Tensor) -> Tensor:
    """The sums along the last axis but one, in tiles that overlap by the window: most of the
    banded matrix of a long axis is zeros.
    """
    positions = maps.shape[-2] - len(weights) + 1
    tiles = -(-positions // _TILE)
    maps = F.pad(maps, (0, 0, 0, tiles * _TILE - positions))
    cut = maps.unfold(-2, _TILE + len(weights) - 1, _TILE).mT
    return (_band(weights, _TILE) @ cut).flatten(-3, -2)[..., :positions, :]


def _band(weights: Tensor, positions: int) -> Tensor:
    """The matrix with a row for each of `positions`: the window shifted to that position."""
    padded = F.pad(weights, (positions - 1, positions - 1))
    return padded.unfold(0, len(weights) + positions - 1, 1).flip(0)
