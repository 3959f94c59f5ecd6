"""A classifier of noisy images, as classifier guidance asks: half a U-Net (Dhariwal & Nichol 2021,
arXiv:2105.05233, section 4).
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from harness.networks.sizes import check_image_size
from harness.networks.unet import Attention, Residual, group_norm, time_embedding


class NoisyClassifier(nn.Module):
    """Images N×channels×S×S and times N → class logits N×classes: the way down of `networks.unet`,
    and the mean over positions.
    """

    def __init__(self, channels: int, size: int, width: int, classes: int) -> None:
        super().__init__()
        check_image_size(size)
        widths, embedding = (width, 2 * width, 4 * width), 4 * width
        self.embed = time_embedding(width, embedding)
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.down = nn.ModuleList(Residual(w, w, embedding) for w in widths[:-1])
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.middle = Residual(widths[-1], widths[-1], embedding)
        self.attention = Attention(widths[-1])
        self.norm = nn.Sequential(group_norm(widths[-1]), nn.SiLU())
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """x N×channels×S×S, t N (any number type) → N×classes."""
        time, h = self.embed(t), self.first(x)
        for block, shrink in zip(self.down, self.shrink, strict=True):
            h = shrink(block(h, time))
        h = self.attention(self.middle(h, time))
        logits: Tensor = self.head(self.norm(h).mean(dim=(2, 3)))
        return logits
