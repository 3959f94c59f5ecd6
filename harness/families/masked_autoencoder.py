"""Masked autoencoders (He et al. 2022, arXiv:2111.06377): most of an image is hidden and filled in
again from the rest.
"""

from __future__ import annotations

from typing import Self

import torch
from pydantic import PositiveInt, model_validator
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families.autoencoding import Share
from harness.families.base import Family, FamilySettings, Losses, Noise, Phase, single_player
from harness.families.builders import in_range
from harness.families.vq import Multiple
from harness.networks.masked_transformer import PatchDecoder, VisibleEncoder


class MaskedAutoencoderSettings(FamilySettings):
    """An image is cut into patches of `patch` pixels a side; `hidden` is the share that is hidden.

    The encoder has `depth` blocks of `width` numbers a token, the decoder `decoder_depth` of
    `decoder_width`; both have `heads`.
    """

    patch: PositiveInt = 4
    hidden: Share = 0.75
    width: Multiple = 64
    depth: PositiveInt = 4
    heads: PositiveInt = 4
    decoder_width: Multiple = 32
    decoder_depth: PositiveInt = 1

    @model_validator(mode="after")
    def _heads_divide_widths(self) -> Self:
        if self.width % self.heads or self.decoder_width % self.heads:
            raise ValueError("heads divide width and decoder_width")
        return self


class MaskedAutoencoder(Family):
    """An encoder of visible patches and a small decoder of all."""

    Settings = MaskedAutoencoderSettings
    settings: MaskedAutoencoderSettings

    def build(self) -> nn.ModuleDict:
        """Encoder and decoder. Raises BadInput for patches that do not tile the images."""
        s, shape = self.settings, self.shape
        if shape.size % s.patch or not 0 < self.visible < self.patches:
            raise BadInput(
                f"patches of {s.patch} pixels with {s.hidden:.0%} hidden do not tile images of"
                f" {shape.size}×{shape.size} pixels with some seen and some not; take a patch that"
                " divides their side"
            )
        sizes = (shape.channels, shape.size, s.patch)
        return nn.ModuleDict(
            {
                "encoder": VisibleEncoder(*sizes, s.width, s.depth, s.heads),
                "decoder": PatchDecoder(*sizes, s.width, s.decoder_width, s.decoder_depth, s.heads),
            }
        )

    @property
    def patches(self) -> int:
        """How many patches an image has."""
        return (self.shape.size // self.settings.patch) ** 2

    @property
    def visible(self) -> int:
        """How many of them the encoder sees."""
        return round(self.patches * (1 - self.settings.hidden))

    def phases(self) -> tuple[Phase, ...]:
        """One phase, one player."""
        return single_player(("encoder", "decoder"), self.noise, self.loss, self.settings.optimizer)

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """Which patches of each of n images are seen: int64 n×K."""
        draws = torch.rand(n, self.patches, generator=generator, device=generator.device)
        return {"visible": draws.argsort(dim=1)[:, : self.visible]}

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The mean squared error of the hidden patches (section 3, "Reconstruction target")."""
        made = networks["decoder"](networks["encoder"](batch.x, noise["visible"]), noise["visible"])
        hidden = self._hidden(noise["visible"])
        error = (made - batch.x).square() * hidden
        return {"loss": error.sum() / (hidden.sum() * self.shape.channels)}

    def _hidden(self, visible: Tensor) -> Tensor:
        """1 at the pixels that are not seen, N×1×S×S."""
        tokens = visible.new_ones(len(visible), self.patches).scatter(1, visible, 0)
        side = self.shape.size // self.settings.patch
        grid = tokens.view(-1, 1, side, side).float()
        pixels: Tensor = grid.repeat_interleave(self.settings.patch, 2)
        return pixels.repeat_interleave(self.settings.patch, 3)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """x N×C×S×S → the mean of its tokens, all patches seen: N×width."""
        every = torch.arange(self.patches, device=x.device).expand(len(x), -1)
        codes: Tensor = self.networks["encoder"](x, every).mean(dim=1)
        return codes

    learns_to_fill_in = True

    def fill_in(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """x N×C×S×S → its reconstruction, which is filled in; nothing is random."""
        return self.reconstruct(x)

    @torch.no_grad()
    def reconstruct(self, x: Tensor) -> Tensor:
        """x N×C×S×S → x̂, both in [-1, 1]: each patch as it is filled in where it is hidden.

        Parts of the image are seen in turn, the same for all images; a patch is the mean over the
        turns at which it is hidden.
        """
        order = torch.randperm(self.patches, generator=torch.Generator().manual_seed(0))
        total, count = torch.zeros_like(x), torch.zeros_like(x)
        for part in torch.split(order.to(x.device), self.visible):
            if len(part) < self.visible:  # the rest is hidden at every turn
                break
            visible = part.expand(len(x), -1)
            hidden = self._hidden(visible)
            made = self.networks["decoder"](self.networks["encoder"](x, visible), visible)
            total += made * hidden
            count += hidden
        return in_range(total / count.clamp(min=1), self.shape)
