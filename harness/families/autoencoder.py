"""The autoencoder: an image squeezed through a code of `latent` numbers and rebuilt."""

from __future__ import annotations

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families.base import Family, Losses, Noise, Phase, single_player
from harness.families.builders import NetworkSettings, decoder, encoder, in_range


class AutoencoderSettings(NetworkSettings):
    """`latent`: numbers in the code."""

    latent: PositiveInt = 32


class Autoencoder(Family):
    """An encoder and a decoder, trained to give images back.

    Where images come with damaged copies of themselves it is shown these, and is a denoising
    autoencoder (Vincent et al. 2008, doi:10.1145/1390156.1390294).
    """

    Settings = AutoencoderSettings
    settings: AutoencoderSettings

    def build(self) -> nn.ModuleDict:
        """Encoder and decoder."""
        settings, shape, leaky = self.settings, self.shape, nn.LeakyReLU(0.2)
        if shape.source_channels not in (0, shape.channels):
            raise BadInput("an autoencoder makes no images from others; a translation does")
        return nn.ModuleDict(
            {
                "encoder": encoder(settings, shape, settings.latent, leaky),
                "decoder": decoder(settings, shape, settings.latent, leaky),
            }
        )

    def phases(self) -> tuple[Phase, ...]:
        """One phase, one player."""
        return single_player(("encoder", "decoder"), self.noise, self.loss, self.settings.optimizer)

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """None: the loss is deterministic."""
        return {}

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The mean squared error of the reconstruction, from the damaged image if there is one."""
        seen = batch.x if batch.source is None else batch.source
        rebuilt = networks["decoder"](networks["encoder"](seen))
        return {"loss": (rebuilt - batch.x).square().mean()}

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """x N×C×S×S → codes N×latent."""
        codes: Tensor = self.networks["encoder"](x)
        return codes

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Codes N×latent → images N×C×S×S in [-1, 1]."""
        images: Tensor = self.networks["decoder"](z)
        return in_range(images, self.shape)

    def reconstruct(self, x: Tensor) -> Tensor:
        """x N×C×S×S → x̂, both in [-1, 1]."""
        return self.decode(self.encode(x))

    def restore(self, source: Tensor, mask: Tensor | None) -> Tensor:
        """Damaged images N×C×S×S → what they were, both in [-1, 1]. The mask is not used."""
        return self.reconstruct(source)
