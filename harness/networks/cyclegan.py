"""The two networks of CycleGAN (Zhu et al. 2017, arXiv:1703.10593, section 7.2).

The translator comes from Johnson et al. 2016 (arXiv:1603.08155): an image made smaller by two
strided convolutions, residual blocks, and made larger again. The discriminator looks at patches
(Isola et al. 2017, arXiv:1611.07004). Both normalise each image by itself (Ulyanov et al. 2016,
arXiv:1607.08022), without learnt scales, as the authors' code does.
"""

from __future__ import annotations

from torch import Tensor, nn

from harness.networks.sizes import check_image_size, pyramid

HALVINGS = 3
"""Of the discriminator: its outputs then see 70×70 pixels. Small images are halved less often."""


class ResidualTranslator(nn.Module):
    """An image N×C×S×S → another N×C×S×S in [-1, 1], with `width` channels at full resolution, four
    times as many at a quarter of it, and `blocks` residual blocks there.
    """

    def __init__(self, channels: int, size: int, width: int, blocks: int) -> None:
        super().__init__()
        check_image_size(size)
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(channels, width, 7), *_after(width)]
        for wide in (2 * width, 4 * width):
            layers += [nn.Conv2d(wide // 2, wide, 3, 2, 1), *_after(wide)]
        layers += [ResidualBlock(4 * width) for _ in range(blocks)]
        for narrow in (2 * width, width):
            up = nn.ConvTranspose2d(2 * narrow, narrow, 3, 2, 1, output_padding=1)
            layers += [up, *_after(narrow)]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7), nn.Tanh()]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """x N×C×S×S → N×C×S×S."""
        images: Tensor = self.body(x)
        return images


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), *_after(channels),
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """x N×channels×H×W → the same shape."""
        out: Tensor = x + self.body(x)
        return out


class PatchDiscriminator(nn.Module):
    """An image N×C×S×S → a number for each of its patches, N×1×H×W.

    The image is halved three times, or as often as that leaves 4 pixels or more.
    """

    def __init__(self, channels: int, size: int, width: int) -> None:
        super().__init__()
        halvings = min(HALVINGS, len(pyramid(size)) - 1)
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for level in range(1, halvings + 1):
            stride = 2 if level < halvings else 1
            wide = width * 2**level
            layers += [
                nn.Conv2d(wide // 2, wide, 4, stride, 1), nn.InstanceNorm2d(wide), nn.LeakyReLU(0.2)
            ]  # fmt: skip
        self.body = nn.Sequential(*layers, nn.Conv2d(width * 2**halvings, 1, 4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """x N×C×S×S → N×1×H×W."""
        patches: Tensor = self.body(x)
        return patches


def _after(channels: int) -> tuple[nn.Module, nn.Module]:
    """What follows a convolution."""
    return nn.InstanceNorm2d(channels), nn.ReLU()
