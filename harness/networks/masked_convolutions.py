"""Convolutions of images with hidden pixels, and a U-Net of them that fills these in.

Each takes values N×C×H×W beside a mask of the same shape, 1 where a value is known and 0 where it
is hidden, and gives both for the next layer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.sizes import check_image_size, double


class MaskedConvolution(nn.Module, ABC):
    """A 3×3 convolution of `channels` to `out` channels with a `stride`."""

    sees_mask: bool
    """Whether it is given the mask as one more channel of the image."""

    def __init__(self, channels: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, out, 3, stride, 1)

    @abstractmethod
    def forward(self, x: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """x and known N×channels×H×W → N×out×H'×W', both."""


class ChannelConvolution(MaskedConvolution):
    """A plain convolution: which pixels are hidden is a channel of the image (Pathak et al. 2016,
    arXiv:1604.07379, with the mask that Iizuka et al. 2017, doi:10.1145/3072959.3073659, add).
    """

    sees_mask = True

    def forward(self, x: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """The convolution, after which all is known."""
        made: Tensor = self.convolution(x)
        return made, torch.ones_like(made)


class PartialConvolution(MaskedConvolution):
    """A convolution that sees known values alone (Liu et al. 2018, arXiv:1804.07723).

    x' = W·(X ⊙ M)·(sum(1) / sum(M)) + b where any of the values below it is known, else 0 (equation
    1); its mask is 1 where any is (equation 2). Values beyond the border are not known.
    """

    sees_mask = False

    def forward(self, x: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """As above."""
        layer = self.convolution
        window = known.new_ones(1, *layer.weight.shape[1:])
        seen = F.conv2d(known, window, None, layer.stride, layer.padding)
        is_known = (seen > 0).to(x.dtype)
        share = window.sum() / seen.clamp(min=1)
        made = F.conv2d(x * known, layer.weight, None, layer.stride, layer.padding) * share
        assert layer.bias is not None
        made = (made + layer.bias[:, None, None]) * is_known
        return made, is_known.expand_as(made)


MASKED_CONVOLUTIONS: Mapping[str, type[MaskedConvolution]] = {
    "channel": ChannelConvolution,
    "partial": PartialConvolution,
}
"""By the name that recipes give as `convolution:`."""


class InpaintingUNet(nn.Module):
    """An image N×C×S×S with hidden pixels → N×C×S×S in [-1, 1], at three resolutions with `width`,
    2·`width` and 4·`width` channels.

    Nothing of a hidden pixel enters it. On the way up values and masks of the way down are put
    beside those from below, and at last the image's own (Liu et al. 2018, section 3.2).
    """

    def __init__(
        self, channels: int, size: int, width: int, convolution: type[MaskedConvolution]
    ) -> None:
        super().__init__()
        check_image_size(size)
        self.sees_mask = convolution.sees_mask
        seen = channels + self.sees_mask
        widths = (seen, width, 2 * width, 4 * width)
        strides = (1, 2, 2)
        self.down = nn.ModuleList(
            _Layer(a, b, stride, convolution)
            for (a, b), stride in zip(pairwise(widths), strides, strict=True)
        )
        self.middle = _Layer(4 * width, 4 * width, 1, convolution)
        self.up = nn.ModuleList(
            _Layer(a + b, b, 1, convolution) for b, a in pairwise((width, 2 * width, 4 * width))
        )
        self.last = convolution(width + seen, channels)

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        """x N×C×S×S in [-1, 1], known N×1×S×S, 1 where a pixel is known → N×C×S×S."""
        x, mask = x * known, known.expand_as(x)
        if self.sees_mask:
            x = torch.cat([x, known], dim=1)
            mask = torch.ones_like(x)
        levels = [(x, mask)]
        for layer in self.down:
            levels.append(layer(*levels[-1]))
        below = self.middle(*levels.pop())
        for layer in reversed(self.up):
            below = layer(*_beside(_doubled(below), levels.pop()))
        made, _ = self.last(*_beside(below, levels.pop()))
        return torch.tanh(made)


class _Layer(nn.Module):
    """A convolution, normalisation over the batch and a ReLU; what is not known stays 0."""

    def __init__(
        self, channels: int, out: int, stride: int, convolution: type[MaskedConvolution]
    ) -> None:
        super().__init__()
        self.convolution = convolution(channels, out, stride)
        self.norm = nn.BatchNorm2d(out)

    def forward(self, x: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        made, known = self.convolution(x, known)
        return F.relu(self.norm(made)) * known, known


def _doubled(pair: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return double(pair[0]), double(pair[1])


def _beside(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Values and masks along the channels."""
    return torch.cat([a[0], b[0]], dim=1), torch.cat([a[1], b[1]], dim=1)
