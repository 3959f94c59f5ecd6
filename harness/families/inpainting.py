"""Autoencoders of images with hidden pixels, which are to be filled in (Pathak et al. 2016,
arXiv:1604.07379; Liu et al. 2018, arXiv:1804.07723).
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.core.table_keys import KeyOf
from harness.data.batch import Batch
from harness.families.autoencoding import Share
from harness.families.base import Family, FamilySettings, Losses, Noise, Phase, single_player
from harness.families.builders import at_least_float32, check_sources, in_range
from harness.networks.masked_convolutions import MASKED_CONVOLUTIONS, InpaintingUNet
from harness.objectives.reconstruction import hole_weighted_error


class InpaintingSettings(FamilySettings):
    """`convolution`: how the U-Net's, of `width` channels at full resolution, see what is hidden.

    Where images come without masks, squares of `patch` pixels a side are hidden, each with the
    probability `hidden`.
    """

    convolution: Annotated[str, KeyOf(MASKED_CONVOLUTIONS)] = "channel"
    width: PositiveInt = 16
    patch: PositiveInt = 4
    hidden: Share = 0.25


class Inpainting(Family):
    """A U-Net that fills in hidden pixels."""

    Settings = InpaintingSettings
    settings: InpaintingSettings
    learns_to_fill_in = True

    def build(self) -> nn.ModuleDict:
        """The U-Net. Raises BadInput for damaged images without masks, and for squares that do not
        tile the images.
        """
        s, shape = self.settings, self.shape
        check_sources(shape, "inpainting")
        if shape.source_channels and not shape.masked:
            raise BadInput(
                "its images are damaged, and no masks say where; inpainting needs these, as"
                " [inpaint=random-0.5] has them, or whole images"
            )
        if shape.size % s.patch or shape.size == s.patch:
            raise BadInput(
                f"squares of {s.patch} pixels do not tile images of {shape.size}×{shape.size}"
                " pixels; take a patch that divides their side"
            )
        convolution = MASKED_CONVOLUTIONS[s.convolution]
        return nn.ModuleDict(
            {"unet": InpaintingUNet(shape.channels, shape.size, s.width, convolution)}
        )

    @property
    def side(self) -> int:
        """How many squares there are along a side."""
        return self.shape.size // self.settings.patch

    def phases(self) -> tuple[Phase, ...]:
        """One phase, one player."""
        return single_player(("unet",), self.noise, self.loss, self.settings.optimizer)

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """Which pixels of each of n images are known, N×1×S×S."""
        shape = (n, 1, self.side, self.side)
        draws = torch.rand(*shape, generator=generator, device=generator.device)
        return {"known": self._pixels((draws >= self.settings.hidden).float())}

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The absolute error, of hidden pixels six times."""
        seen = batch.x if batch.source is None else batch.source
        known = noise["known"] if batch.mask is None else batch.mask
        made = at_least_float32(networks["unet"](seen, known))
        return {"loss": hole_weighted_error(batch.x, made, known)}

    @torch.no_grad()
    def restore(self, source: Tensor, mask: Tensor | None) -> Tensor:
        """source N×C×S×S and the mask N×1×S×S of its known pixels (all where None) → images N×C×S×S
        in [-1, 1].
        """
        known = torch.ones_like(source[:, :1]) if mask is None else mask
        return in_range(self.networks["unet"](source, known), self.shape)

    def reconstruct(self, x: Tensor) -> Tensor:
        """x N×C×S×S → x̂, both in [-1, 1]: each square as it is filled in where it is hidden.

        Squares are hidden in turn, about as many at a time as in training, and each once.
        """
        turns = math.ceil(1 / self.settings.hidden)
        order = torch.randperm(self.side**2, generator=torch.Generator().manual_seed(0))
        total = torch.zeros_like(x)
        for hidden in torch.tensor_split(order.to(x.device), turns):
            squares = x.new_ones(self.side**2).scatter(0, hidden, 0.0)
            known = self._pixels(squares.view(1, 1, self.side, self.side))
            total += self.restore(x, known.expand(len(x), -1, -1, -1)) * (1 - known)
        return total

    def fill_in(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """x N×C×S×S → its reconstruction, which is filled in; nothing is random."""
        return self.reconstruct(x)

    def _pixels(self, squares: Tensor) -> Tensor:
        """A number for each square, N×1×P×P → for each pixel, N×1×S×S."""
        patch = self.settings.patch
        return squares.repeat_interleave(patch, 2).repeat_interleave(patch, 3)
