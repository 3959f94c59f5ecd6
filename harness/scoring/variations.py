"""Metrics with other settings than the harness's own, as a user asks for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.metrics import checks, load_metric
from harness.metrics.averages import MeanOverImages
from harness.metrics.base import Estimate, Metric, both
from harness.metrics.kernel import Kernel, PolynomialKernel, RbfKernel, kernel_distance
from harness.metrics.reconstruction import say_exact
from harness.metrics.structural_similarity import chunk_pairs, similarity

BORDERED = ("mse", "mae", "psnr", "ssim", "ms_ssim")
"""The metrics of pairs that are of pixels, and can leave a border out."""

LUMA = (65.481 / 255, 128.553 / 255, 24.966 / 255)
"""Of 8-bit RGB the weights of Y, from 16 to 235 (ITU-R BT.601), as MATLAB's `rgb2ycbcr` has it
before it rounds; the usual measure of super-resolution.
"""

GREY = "--y-channel is of RGB images; grey ones have one channel, and need no option"

KERNELS: Mapping[str, Kernel] = {"kid": PolynomialKernel(), "kid_rbf": RbfKernel()}


@dataclass(frozen=True)
class Variations:
    """Other settings: PSNR and SSIM of the Y channel; the pixels left out at each border of pairs;
    the size of KID's subsets.
    """

    y_channel: bool = False
    border: int = 0
    subset_size: int | None = None

    def __post_init__(self) -> None:
        if self.border < 0:
            raise BadInput(f"--crop-border: {counted(self.border, 'pixel')} cannot be left out")
        if self.subset_size is not None and self.subset_size < 2:
            raise BadInput(
                f"--kid-subset-size: subsets have at least 2 images, not {self.subset_size}"
            )

    def metric(self, name: str) -> Metric:
        """The metric of this name with these settings, where they concern it."""
        metric = load_metric(name)
        name = metric.base_name
        if self.y_channel and name in ("psnr", "ssim"):
            compute = MeanOverImages(_psnr if name == "psnr" else _ssim)
            settings = {**metric.settings, "channel": "Y-bt601"}
            metric = replace(metric, compute=compute, settings=settings)
        if self.border and name in BORDERED:
            metric = _without_border(metric, self.border)
        if self.subset_size and name in KERNELS:
            metric = _with_subsets(metric, self.subset_size)
        return metric

    def check_used(self, names: Collection[str], channels: int) -> None:
        """Raise BadInput where a setting concerns none of the metrics, or not such images."""
        if self.y_channel and channels != 3:
            raise BadInput(GREY)
        uses = {
            "--y-channel": (self.y_channel, ("psnr", "ssim")),
            "--crop-border": (self.border, BORDERED),
            "--kid-subset-size": (self.subset_size, tuple(KERNELS)),
        }
        for option, (value, concerned) in uses.items():
            if value and not set(concerned) & {name.partition("@")[0] for name in names}:
                raise BadInput(f"{option} is for {', '.join(concerned)}, none of which is measured")


def luma(images: Tensor) -> Tensor:
    """Y of uint8 RGB images N×3×H×W, float64 N×1×H×W from 16 to 235. Raises BadInput for others."""
    checks.images(images)
    if images.shape[1] != 3:
        raise BadInput(GREY)
    weights = torch.tensor(LUMA, dtype=torch.float64, device=images.device)
    return 16 + torch.einsum("nchw,c->nhw", images.double(), weights)[:, None]


def _psnr(reconstructions: Tensor, originals: Tensor) -> Tensor:
    checks.image_pairs(reconstructions, originals)
    errors = torch.cat(
        [
            (luma(a) - luma(b)).square().flatten(1).mean(dim=1)
            for a, b in chunk_pairs(reconstructions, originals)
        ]
    )
    pixels = originals.shape[2] * originals.shape[3]
    # As in `finite_psnr`: what is equal counts as the best of what is not, blue off by one once.
    ceiling = 10 * math.log10(255**2 * pixels / LUMA[2] ** 2)
    values = 10 * torch.log10(255**2 / errors)
    say_exact(values, ceiling)
    return values.clamp(max=ceiling)


def _ssim(reconstructions: Tensor, originals: Tensor) -> Tensor:
    checks.image_pairs(reconstructions, originals)
    values = [
        similarity(luma(a), luma(b)).whole.mean(1)
        for a, b in chunk_pairs(reconstructions, originals)
    ]
    return torch.cat(values)


def _without_border(metric: Metric, border: int) -> Metric:
    assert isinstance(metric.compute, MeanOverImages)
    inner: Callable[[Tensor, Tensor], Tensor] = metric.compute.per_image

    def compute(reconstructions: Tensor, originals: Tensor) -> Tensor:
        height, width = originals.shape[-2:]
        rows, columns = slice(border, height - border), slice(border, width - border)
        return inner(reconstructions[..., rows, columns], originals[..., rows, columns])

    settings = {**metric.settings, "border": border}
    smallest = metric.smallest + 2 * border
    mean = MeanOverImages(compute)
    return replace(metric, compute=mean, settings=settings, smallest=smallest)


def _with_subsets(metric: Metric, size: int) -> Metric:
    kernel = KERNELS[metric.base_name]

    def compute(sample_features: Tensor, reference_features: Tensor) -> Estimate:
        return kernel_distance(sample_features, reference_features, kernel, size)

    settings = {**metric.settings, "subset_size": size}
    return replace(metric, compute=compute, settings=settings, least=both(size))
