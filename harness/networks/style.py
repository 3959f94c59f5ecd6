"""Generators whose layers are steered by a style (Karras et al. 2019, arXiv:1812.04948, StyleGAN;
Karras et al. 2020, arXiv:1912.04958, StyleGAN2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.sizes import double, pyramid

EPSILON = 1e-8
MAPPING_RATE = 0.01
"""The mapping network's learning rate, relative to the other layers (StyleGAN, appendix C)."""


class EqualizedLinear(nn.Module):
    """N×into → N×out with weights from N(0, 1) that are scaled when they are used, so that all
    layers learn equally fast (Karras et al. 2018, arXiv:1710.10196, section 4.1), times `rate`.
    """

    def __init__(self, into: int, out: int, *, bias: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, into) / rate)
        self.bias = nn.Parameter(torch.full((out,), bias / rate))
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """x N×into → N×out."""
        scale = self.rate / math.sqrt(self.weight.shape[1])
        return F.linear(x, self.weight * scale, self.bias * self.rate)


class MappingNetwork(nn.Module):
    """z N×code → w N×latent: z over its root mean square, and `depth` layers."""

    def __init__(self, code: int, latent: int, depth: int) -> None:
        super().__init__()
        sizes = [code, *[latent] * depth]
        self.layers = nn.ModuleList(
            EqualizedLinear(a, b, rate=MAPPING_RATE) for a, b in pairwise(sizes)
        )

    def forward(self, z: Tensor) -> Tensor:
        """z N×code → w N×latent."""
        w = z * (z.square().mean(dim=1, keepdim=True) + EPSILON).rsqrt()
        for layer in self.layers:
            w = F.leaky_relu(layer(w), 0.2) * math.sqrt(2)
        return w


class AdaIN(nn.Module):
    """Each channel of each image with the mean and standard deviation that the style gives it
    (StyleGAN, equation 1).
    """

    def __init__(self, channels: int, latent: int) -> None:
        super().__init__()
        self.scale = EqualizedLinear(latent, channels, bias=1.0)
        self.shift = EqualizedLinear(latent, channels)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x N×C×H×W, w N×latent → N×C×H×W."""
        scale, shift = self.scale(w)[:, :, None, None], self.shift(w)[:, :, None, None]
        out: Tensor = scale * F.instance_norm(x, eps=EPSILON) + shift
        return out


def modulated(x: Tensor, weight: Tensor, style: Tensor, *, demodulate: bool) -> Tensor:
    """The convolution of x N×C×H×W with s_i·w_ijk for the style s N×C, demodulated by the norm of
    each output's weights: N×O×H×W (StyleGAN2, equations 1 and 3).

    The scales are applied to what goes in and what comes out, which gives the same.
    """
    out = F.conv2d(x * style[:, :, None, None], weight, padding=weight.shape[-1] // 2)
    if not demodulate:
        return out
    norms = style.square() @ weight.square().sum(dim=(2, 3)).T
    return out * (norms + EPSILON).rsqrt()[:, :, None, None]


class StyleLayer(nn.Module):
    """A convolution of maps, of double the size where it `doubles`, with noise and a style: AdaIN
    after it (StyleGAN), or modulated weights where it is of the `second` version.
    """

    def __init__(self, into: int, out: int, latent: int, *, doubles: bool, second: bool) -> None:
        super().__init__()
        self.doubles, self.second = doubles, second
        self.weight = nn.Parameter(torch.randn(out, into, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out))
        self.noise_scale = nn.Parameter(torch.zeros(1 if second else out))
        self.style = EqualizedLinear(latent, into, bias=1.0) if second else AdaIN(out, latent)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        """x N×into×H×W, w N×latent, noise N×1×H'×W' → N×out×H'×W'."""
        x = smooth_double(x) if self.doubles else x
        weight = self.weight / math.sqrt(self.weight[0].numel())
        if self.second:
            x = modulated(x, weight, self.style(w), demodulate=True)
        else:
            x = F.conv2d(x, weight, padding=1)
        x = x + self.noise_scale[:, None, None] * noise + self.bias[:, None, None]
        x = F.leaky_relu(x, 0.2) * math.sqrt(2)
        return x if self.second else self.style(x, w)


class ImageLayer(nn.Module):
    """Maps to an image by a convolution of single pixels, modulated where it is of the `second`
    version.
    """

    def __init__(self, width: int, channels: int, latent: int, *, second: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, width, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.style = EqualizedLinear(latent, width, bias=1.0) if second else None

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x N×width×H×W, w N×latent → N×channels×H×W."""
        weight = self.weight / math.sqrt(self.weight.shape[1])
        style = self.style(w) if self.style else torch.ones_like(x[:, :, 0, 0])
        return modulated(x, weight, style, demodulate=False) + self.bias[:, None, None]


class StyleGenerator(nn.Module):
    """N×code → N×channels×S×S: a learnt constant, and two layers at each resolution.

    The first version makes the image of the last maps, the `second` adds up an image at each
    resolution. Noise N×1×H×W for each layer comes with the code; without it, it is always the same.
    `widths` are the channels at each resolution from the lowest on, or one number for all.
    """

    def __init__(  # noqa: PLR0913 - its sizes, and how it is made, each by name
        self, code: int, channels: int, size: int, widths: int | Sequence[int], *, latent: int,
        mapping: int, second: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        sizes = pyramid(size)[::-1]
        widths = [widths] * len(sizes) if isinstance(widths, int) else widths
        self.sizes = [sizes[0], *(side for side in sizes[1:] for _ in range(2))]
        self.mapping = MappingNetwork(code, latent, mapping)
        self.constant = nn.Parameter(torch.randn(1, widths[0], sizes[0], sizes[0]))
        wide = [widths[0], widths[0], *(width for width in widths[1:] for _ in range(2))]
        self.layers = nn.ModuleList(
            StyleLayer(*pair, latent, doubles=index % 2 == 1, second=second)
            for index, pair in enumerate(pairwise(wide))
        )
        self.images = nn.ModuleList(
            ImageLayer(width, channels, latent, second=second)
            for width in (widths if second else widths[-1:])
        )
        for index, noise in enumerate(self.draw_noise(1, torch.Generator().manual_seed(0))):
            self.register_buffer(f"noise_{index}", noise)

    def draw_noise(self, n: int, generator: torch.Generator) -> list[Tensor]:
        """Noise n×1×H×W for each layer, on the generator's device."""
        return [
            torch.randn(n, 1, side, side, generator=generator, device=generator.device)
            for side in self.sizes
        ]

    def forward(
        self,
        z: Tensor,
        noise: Sequence[Tensor] | None = None,
        other: Tensor | None = None,
        crossover: Tensor | None = None,
    ) -> Tensor:
        """z N×code → N×channels×S×S; from the layer `crossover`, int N, on by the style of another
        code, `other` N×code, where that is given.
        """
        styles = self.styles(z)
        if other is not None and crossover is not None:
            styles = mixed_styles(styles, self.styles(other), crossover)
        return self.synthesise(styles, noise)

    def styles(self, z: Tensor) -> Tensor:
        """z N×code → the same w for each layer: N×layers×latent."""
        w: Tensor = self.mapping(z)
        return w[:, None].expand(-1, len(self.layers), -1)

    def synthesise(self, styles: Tensor, noise: Sequence[Tensor] | None = None) -> Tensor:
        """Styles N×layers×latent, of each layer → N×channels×S×S."""
        buffers: Mapping[str, Tensor] = dict(self.named_buffers())
        noise = noise or [buffers[f"noise_{index}"] for index in range(len(self.layers))]
        x = self.constant.expand(len(styles), -1, -1, -1)
        image: Tensor | None = None
        for index, layer in enumerate(self.layers):
            x = layer(x, styles[:, index], noise[index])
            if index % 2 == 0 and len(self.images) > 1:  # the last layer of its resolution
                added = self.images[index // 2](x, styles[:, index])
                image = added if image is None else smooth_double(image) + added
        return self.images[-1](x, styles[:, -1]) if image is None else image


def mixed_styles(first: Tensor, second: Tensor, crossover: Tensor) -> Tensor:
    """The styles N×layers×latent of `first` up to the layer `crossover`, int N, and the
    styles of `second` from there on (StyleGAN, section 3.1).
    """
    layers = torch.arange(first.shape[1], device=first.device)
    return torch.where((layers < crossover[:, None])[:, :, None], first, second)


def smooth_double(x: Tensor) -> Tensor:
    """Maps N×C×H×W of twice the size, smoothed by [1, 2, 1] / 4 each way."""
    doubled = double(x)
    weights = x.new_tensor([0.25, 0.5, 0.25])
    kernel = torch.outer(weights, weights)[None, None]
    return F.conv2d(doubled.flatten(0, 1)[:, None], kernel, padding=1).view(doubled.shape)
