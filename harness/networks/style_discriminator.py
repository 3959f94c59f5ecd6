"""StyleGAN2's residual discriminator (Karras et al. 2020, arXiv:1912.04958, figure 7c; its head is
that of Karras et al. 2018, arXiv:1710.10196, table 2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.discriminator import ImageDiscriminator
from harness.networks.sizes import pyramid
from harness.networks.style import EqualizedLinear

BLUR = (0.125, 0.375, 0.375, 0.125)
"""Each way, before every second pixel is left out."""
GROUP = 4
"""Images over which a standard deviation is taken."""
EPSILON = 1e-8
"""Added to a variance whose root is taken."""


class EqualizedConv(nn.Module):
    """N×into×H×W → N×out×H×W, or half of each side where it `halves`: smoothed by `BLUR` and
    convolved. Weights are scaled when they are used, as in `EqualizedLinear`.
    """

    blur: Tensor

    def __init__(
        self, into: int, out: int, kernel: int, *, bias: bool = True, halves: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, into, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out)) if bias else None
        self.halves = halves
        blur = torch.tensor(BLUR)
        self.register_buffer("blur", torch.outer(blur, blur)[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """x N×into×H×W → N×out×H'×W'."""
        weight = self.weight / math.sqrt(self.weight[0].numel())
        margin = weight.shape[-1] // 2
        if not self.halves:
            return F.conv2d(x, weight, self.bias, padding=margin)
        return F.conv2d(self._blurred(x, 1 + margin), weight, self.bias, stride=2)

    def _blurred(self, x: Tensor, margin: int) -> Tensor:
        """Pads N×C×H×W with `margin` zeros and smooths it by `BLUR` each way: N×C×H'×W'."""
        smooth = F.conv2d(x.flatten(0, 1)[:, None], self.blur, padding=margin)
        return smooth.view(*x.shape[:2], *smooth.shape[2:])


class StyleDownBlock(nn.Module):
    """N×into×H×W → N×out×H/2×W/2: two convolutions, and a shortcut of single pixels without bias;
    their sum over √2, which keeps its variance.
    """

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.first = EqualizedConv(into, into, 3)
        self.second = EqualizedConv(into, out, 3, halves=True)
        self.shortcut = EqualizedConv(into, out, 1, bias=False, halves=True)

    def forward(self, x: Tensor) -> Tensor:
        """x N×into×H×W → N×out×H/2×W/2."""
        h = _activated(self.second(_activated(self.first(x))))
        out: Tensor = (h + self.shortcut(x)) / math.sqrt(2)
        return out


class StyleDiscriminator(ImageDiscriminator):
    """N×channels×S×S → N×out: maps of the pixels, a block for each halving, the standard deviation
    of groups of images, a convolution and two dense layers.

    `widths` are the channels at each resolution from the lowest on, or one number for all.
    """

    def __init__(self, channels: int, size: int, widths: int | Sequence[int], out: int) -> None:
        super().__init__()
        sizes = pyramid(size)
        widths = [widths] * len(sizes) if isinstance(widths, int) else list(widths)
        last = widths[0]
        self.first = EqualizedConv(channels, widths[-1], 1)
        self.blocks = nn.Sequential(*(StyleDownBlock(*pair) for pair in pairwise(widths[::-1])))
        self.last = EqualizedConv(last + 1, last, 3)
        self.dense = EqualizedLinear(last * sizes[-1] ** 2, last)
        self.head = EqualizedLinear(last, out)

    def features(self, x: Tensor) -> Tensor:
        """x N×channels×S×S → what the last layer takes, N×F."""
        maps = with_group_deviation(self.blocks(_activated(self.first(x))))
        return _activated(self.dense(_activated(self.last(maps)).flatten(1)))

    def forward(self, x: Tensor) -> Tensor:
        """x N×channels×S×S → N×out."""
        out: Tensor = self.head(self.features(x))
        return out


def with_group_deviation(x: Tensor) -> Tensor:
    """Maps N×C×H×W with one more, the same at each place: the standard deviation of each value over
    a group of images, averaged over all values (Karras et al. 2018, section 3): N×(C+1)×H×W.

    Image n is in the group n mod M of M = ⌈N / GROUP⌉, so that groups are as equal as can be.
    """
    groups = -(-len(x) // GROUP)
    variances = [x[group::groups].var(dim=0, correction=0) for group in range(groups)]
    deviations = (torch.stack(variances) + EPSILON).sqrt().mean(dim=(1, 2, 3))
    of_images = deviations.repeat(GROUP)[: len(x)]
    added = of_images[:, None, None, None].expand(-1, 1, *x.shape[2:])
    return torch.cat([x, added], dim=1)


def _activated(x: Tensor) -> Tensor:
    """A leaky ReLU, times √2 to keep the variance (StyleGAN2, appendix B)."""
    return F.leaky_relu(x, 0.2) * math.sqrt(2)
