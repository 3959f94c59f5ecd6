"""Where two images differ, pixel by pixel: what reconstructions are compared with originals by.

All take pairs of images N×C×H×W of values from 0 to 255, which need not be whole numbers, and give
N×H×W in the precision of the images, 0 where the two are equal. At the border images are continued
by their mirror image.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.metrics.structural_similarity import WINDOW, similarity_map
from harness.networks.sizes import enlarge_map

GRADIENT_CONSTANT = 170.0
"""c of Xue et al. 2014, section 2.2, for values from 0 to 255."""
LEAST_SIDE = 8
"""Images are halved while the result has this many pixels a side."""
MOST_SCALES = 4


def squared_error_map(a: Tensor, b: Tensor) -> Tensor:
    """The squared difference where white is 1, averaged over channels."""
    return ((a - b) / 255).square().mean(dim=1)


def similarity_error_map(a: Tensor, b: Tensor) -> Tensor:
    """1 − SSIM with the window at each pixel, averaged over channels: in [0, 2] (Bergmann et al.
    2019, arXiv:1807.02011, section 3.2; Wang et al. 2004, equation 13).
    """
    border = WINDOW // 2
    whole = similarity_map(_mirrored(a, border), _mirrored(b, border))
    return 1 - whole.mean(dim=1).to(a.dtype)


def gradient_error_map(a: Tensor, b: Tensor) -> Tensor:
    """1 − the similarity of gradient magnitudes of the grey images, in [0, 1): 1 − (2·m_a·m_b + c)
    / (m_a² + m_b² + c), with Prewitt's filter (Xue et al. 2014, arXiv:1308.3052, equations 1 to 4).
    """
    first, second = (_gradient_magnitudes(x.mean(dim=1, keepdim=True)) for x in (a, b))
    difference = (first - second).square()
    return difference / (first.square() + second.square() + GRADIENT_CONSTANT)


def multiscale_gradient_error_map(a: Tensor, b: Tensor) -> Tensor:
    """The mean of `gradient_error_map` over up to four scales, each half as large as the one before
    and at least 8 pixels a side, enlarged bilinearly (Zavrtanik et al. 2021,
    doi:10.1016/j.patcog.2020.107706, section 3.2).
    """
    size, maps = a.shape[-2:], [gradient_error_map(a, b)]
    while len(maps) < MOST_SCALES and min(a.shape[-2:]) >= 2 * LEAST_SIDE:
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        maps.append(enlarge_map(gradient_error_map(a, b), size))
    return torch.stack(maps).mean(dim=0)


def _gradient_magnitudes(grey: Tensor) -> Tensor:
    """N×1×H×W → N×H×W."""
    columns = grey.new_tensor([[1.0, 0.0, -1.0]]).expand(3, 3) / 3
    filters = torch.stack([columns, columns.T])[:, None]
    return F.conv2d(_mirrored(grey, 1), filters).square().sum(dim=1).sqrt()


def _mirrored(x: Tensor, border: int) -> Tensor:
    """Maps with a `border` on each side that mirrors them, the last pixel included."""
    rows, columns = (_mirror(size, border).to(x.device) for size in x.shape[-2:])
    return x[..., rows, :][..., columns]


def _mirror(size: int, border: int) -> Tensor:
    places = torch.arange(-border, size + border) % (2 * size)
    return torch.minimum(places, 2 * size - 1 - places)
