"""Images from other images that belong to them: restoration, and translation from pairs."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.core.table_keys import KeyOf
from harness.data.batch import Batch
from harness.families.base import Family, FamilySettings, Losses, Noise, Phase, single_player
from harness.families.builders import no_noise, with_mask
from harness.networks.unet import UNet
from harness.objectives.reconstruction import IMAGE_LOSSES


class TranslationSettings(FamilySettings):
    """`width`: channels of the U-Net at full resolution, per pixel of the image's side; `skips`:
    whether its way up sees its way down.

    `loss`: one of `objectives.reconstruction` that compares images.
    """

    width: PositiveInt = 1
    skips: bool = True
    loss: Annotated[str, KeyOf(IMAGE_LOSSES)] = "l1"


class Translation(Family):
    """A U-Net from a source image, and the mask of its known pixels if there is one, to the image.

    It is the L1 control of Isola et al. 2017 (arXiv:1611.07004): paired translation
    without an adversary. Where source and image have as many channels the network gives what is
    to be added to the source (residual learning, Zhang et al. 2017, arXiv:1608.03981).
    """

    Settings = TranslationSettings
    averaged = ("unet",)
    settings: TranslationSettings

    def build(self) -> nn.ModuleDict:
        """The U-Net; BadInput for data without sources."""
        shape = self.shape
        if not shape.source_channels:
            raise BadInput(
                "its images are not to be made from others; name a dataset with pairs, or a task"
                " such as digits[denoise=gaussian-0.1]"
            )
        seen = shape.source_channels + shape.masked
        width = self.settings.width * shape.size
        unet = UNet(seen, shape.size, width, out=shape.channels, skips=self.settings.skips)
        return nn.ModuleDict({"unet": unet})

    def phases(self) -> tuple[Phase, ...]:
        """One phase, one player."""
        return single_player(("unet",), no_noise, self.loss, self.settings.optimizer)

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The mean error of the image made from the source."""
        made = self.made(networks, batch)
        return {"loss": IMAGE_LOSSES[self.settings.loss].compute(batch.x, made)}

    def made(self, networks: nn.ModuleDict, batch: Batch) -> Tensor:
        """The images made from a batch's sources, N×C×S×S. Raises ValueError where it has none."""
        if batch.source is None:
            raise ValueError("a batch without sources")
        return self._made(networks, batch.source, batch.mask)

    @torch.no_grad()
    def restore(self, source: Tensor, mask: Tensor | None) -> Tensor:
        """source N×C'×S×S (mask N×1×S×S) → images N×C×S×S in [-1, 1]."""
        return self._made(self.networks, source, mask).clamp(-1, 1)

    def _made(self, networks: nn.ModuleDict, source: Tensor, mask: Tensor | None) -> Tensor:
        seen = with_mask(source, mask)
        # The U-Net of diffusion takes a timestep: always the same one leaves it without time.
        made: Tensor = networks["unet"](seen, seen.new_zeros(len(seen)))
        return made + source if source.shape[1] == self.shape.channels else made
