"""How much fine detail images have, as the power of their high spatial frequencies."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric

__all__ = ["log_sharpness_ratio", "sharpness_ratio"]

CUTOFF = 0.25
"""The lowest of the high frequencies, in cycles per pixel: half the Nyquist frequency."""

SMALLEST = 8
"""Pixels a side: with fewer there are hardly any frequencies to tell apart."""
_CHUNK = 2**20
"""Values transformed at a time, to bound memory."""


@takes_arrays
def sharpness_ratio(samples: Tensor, reference_images: Tensor) -> Estimate:
    """High-frequency energy of the samples relative to the data's, with its error over images.

    The share of high frequencies in a set is the power at radial frequencies of at least `CUTOFF`
    over the power at all but 0, each summed over the images and their channels. The ratio of the
    samples' share to the reference's is 1 where they have equally much fine detail, below 1 where
    samples are blurred and above it where they are noisy. Shares, because contrast is another
    matter; sums over the set, so that an empty image weighs nothing.

    The power spectrum is that of the image less its mean, under a Hann window: the transform takes
    an image to be periodic, and the jump from one border to the other would count as detail.

    Both sets are uint8 N×C×H×W of one C×H×W and at least 8 pixels a side; else, and where a set
    has no power at all or none at high frequencies, BadInput. The standard error is that of the
    delta method for the ratio of sums; None where a set has one image.
    """
    log = log_sharpness_ratio(samples, reference_images)
    value = math.exp(log.value)
    return Estimate(value, None if log.stderr is None else value * log.stderr, log.over)


@takes_arrays
def log_sharpness_ratio(
    samples: Tensor, reference_images: Tensor, *, paired: bool = False
) -> Estimate:
    """The natural logarithm of `sharpness_ratio`: 0 is ideal, below it blur, above it noise.

    Where the sets are `paired`, as reconstructions with their originals, the standard error is that
    of the difference, image by image.
    """
    checks.images(samples)
    checks.images(reference_images)
    if samples.shape[1:] != reference_images.shape[1:]:
        shapes = (
            f"{tuple(samples.shape[1:])} and reference images {tuple(reference_images.shape[1:])}"
        )
        raise BadInput(f"samples are {shapes}; one C×H×W is needed")
    ours, our_parts = _log_share(samples, "samples")
    theirs, their_parts = _log_share(reference_images, "reference images")
    parts = [our_parts - their_parts] if paired else [our_parts, their_parts]
    if min(len(part) for part in parts) < 2:
        return Estimate(ours - theirs)
    error = math.sqrt(sum(float(part.var()) / len(part) for part in parts))
    return Estimate(ours - theirs, error, "images")


def _reconstruction_sharpness(reconstructions: Tensor, originals: Tensor) -> Estimate:
    """Below 0 where reconstructions are blurrier than the originals, above 0 where noisier."""
    return log_sharpness_ratio(reconstructions, originals, paired=True)


SHARPNESS = Metric(
    "sharpness",
    log_sharpness_ratio,
    "nearer",
    "sharpness relative to the data's",
    "",
    kind="distribution",
    ideal=0.0,
    version=2,
    settings={"from_cycles_per_pixel": CUTOFF, "window": "hann"},
    of_pixels=True,
    of_detail=True,
    smallest=SMALLEST,
    # Noise is no fine detail, but adds to high frequencies: a model does not get sharper by it.
    fooled_by={"blur": "lower", "noise": "steady"},
)
RECONSTRUCTION_SHARPNESS = Metric(
    "reconstruction_sharpness",
    _reconstruction_sharpness,
    "nearer",
    "sharpness relative to the originals'",
    "",
    kind="reconstruction",
    ideal=0.0,
    settings={"from_cycles_per_pixel": CUTOFF, "window": "hann"},
    of_pixels=True,
    of_detail=True,
    smallest=SMALLEST,
    fooled_by={"blur": "lower", "noise": "steady"},
)


def _log_share(images: Tensor, name: str) -> tuple[float, Tensor]:
    """The logarithm of the share of high frequencies, and the part n of each image in its error."""
    if min(images.shape[-2:]) < SMALLEST:
        h, w = images.shape[-2:]
        raise BadInput(f"sharpness needs images of at least {SMALLEST} pixels a side, not {h}×{w}")
    size = max(1, _CHUNK // images[0].numel())
    high, whole = torch.cat([_powers(x) for x in torch.split(images, size)]).T
    if not float(whole.sum()) > 0 or not float(high.sum()) > 0:
        raise BadInput(f"all {name} are constant; they have no sharpness to compare")
    share = high.sum() / whole.sum()
    # Of a ratio of means, the part of each image in its relative error; their mean is 0.
    return float(share.log()), (high - share * whole) / high.mean()


def _powers(images: Tensor) -> Tensor:
    """Of each image the power at high frequencies, and at all but 0: N×2 float64."""
    height, width = images.shape[-2:]
    taper = _hann(height, images.device)[:, None] * _hann(width, images.device)
    # Less one of its pixels a constant image is exactly 0, not rounding taken for detail.
    values = images.double() - images[..., :1, :1]
    # The mean under the window, so that the window adds no power of its own at low frequencies.
    mean = (values * taper).sum(dim=(-2, -1), keepdim=True) / taper.sum()
    power = torch.fft.rfft2((values - mean) * taper).abs().square().sum(dim=1)
    fy = torch.fft.fftfreq(height, dtype=torch.float64, device=images.device)[:, None]
    fx = torch.fft.rfftfreq(width, dtype=torch.float64, device=images.device)
    # The transform of a real image leaves out the columns that mirror others.
    power = power * torch.where((fx == 0) | (fx == 0.5), 1.0, 2.0)
    return torch.stack([power[:, (fy**2 + fx**2).sqrt() >= CUTOFF].sum(1), power.sum((1, 2))], 1)


def _hann(size: int, device: torch.device) -> Tensor:
    """Without the zeros at its ends, so that every pixel has a part."""
    return torch.hann_window(size + 2, periodic=False, dtype=torch.float64, device=device)[1:-1]
