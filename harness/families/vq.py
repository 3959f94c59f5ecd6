"""Vector-quantised autoencoders (van den Oord et al. 2017, arXiv:1711.00937), with a learned prior.

An image becomes a small map of symbols, entries of a codebook. In a second phase, with encoder and
codebook frozen, a gated PixelCNN learns the maps' distribution, from which samples come.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.core.settings import Settings
from harness.core.table_keys import KeyOf
from harness.data.batch import Batch
from harness.families.autoencoding import Share
from harness.families.base import Family, FamilySettings, Losses, Noise, Phase, Player
from harness.families.builders import at_least_float32, in_range, no_noise
from harness.networks.autoregressive import GatedPixelCNN
from harness.networks.quantiser import (
    Quantised,
    Quantiser,
    codebook_loss,
    commitment_loss,
    perplexity,
    usage_shares,
)
from harness.networks.spatial_autoencoder import SpatialDecoder, SpatialEncoder, map_size
from harness.objectives.reconstruction import RECONSTRUCTION_LOSSES

Multiple = Annotated[int, Field(gt=0, multiple_of=4)]
"""A number of channels that group normalisation takes."""


class PriorSettings(Settings):
    """The PixelCNN over symbols: its channels and layers, and the share of training it has."""

    width: PositiveInt = 32
    layers: PositiveInt = 5
    share: Share = 0.4


class VQSettings(FamilySettings):
    """`entries` of the codebook, of `code_width` numbers each. An image's side is divided by
    `factor`, through `width` channels.

    `codebook`: whether entries move by the gradient of the codebook loss, or follow the means of
    the vectors that they stand for, with a `decay` per step. `commitment` weighs what holds vectors
    to their entries. `loss` is one of `objectives.reconstruction`.
    """

    width: Multiple = 32
    factor: PositiveInt = 4
    entries: PositiveInt = 128
    code_width: PositiveInt = 16
    codebook: Literal["gradient", "average"] = "gradient"
    decay: Share = 0.99
    commitment: NonNegativeFloat = 0.25
    loss: Annotated[str, KeyOf(RECONSTRUCTION_LOSSES)] = "l2"
    prior: PriorSettings = PriorSettings()


class VQ(Family):
    """An encoder, a codebook and a decoder, and a prior over the codebook's entries."""

    Settings = VQSettings
    settings: VQSettings

    def build(self) -> nn.ModuleDict:
        """The four networks. Raises BadInput for a codebook that a batch cannot fill."""
        settings, shape = self.settings, self.shape
        codes = settings.batch_size * map_size(shape.size, settings.factor) ** 2
        if settings.entries > codes:
            raise BadInput(
                f"a codebook of {settings.entries} entries for batches of {codes} codes: most would"
                " never be used; take fewer entries, a smaller factor or larger batches"
            )
        if not shape.pixels and RECONSTRUCTION_LOSSES[settings.loss].of_logits:
            raise BadInput("loss: bce needs images of 8-bit pixels, with values in [0, 1]")
        sizes = (shape.channels, shape.size, settings.width)
        prior, width = settings.prior, settings.code_width
        averaged = settings.codebook == "average"
        return nn.ModuleDict(
            {
                "encoder": SpatialEncoder(*sizes, width, settings.factor),
                "quantiser": Quantiser(settings.entries, width, averaged=averaged),
                "decoder": SpatialDecoder(width, *sizes, settings.factor),
                "prior": GatedPixelCNN(settings.entries, prior.width, prior.layers),
            }
        )

    def phases(self) -> tuple[Phase, ...]:
        """The autoencoder, then the prior over its symbols."""
        optimizer, share = self.settings.optimizer, self.settings.prior.share
        prior = Player("prior", ("prior",), no_noise, self.prior_loss, optimizer)
        return (
            Phase(self.coding_players(), "autoencoder", 1 - share),
            Phase((prior,), "prior", share),
        )

    def coding_players(self) -> tuple[Player, ...]:
        """The players of the first phase: one."""
        return (
            Player(
                "model", ("encoder", "quantiser", "decoder"), self.noise, self.loss,
                self.settings.optimizer,
                after=self.follow if self.settings.codebook == "average" else None,
            ),
        )  # fmt: skip

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """Which vectors dead entries are replaced by, where entries follow means."""
        if self.settings.codebook == "gradient":
            return {}
        vectors = n * self.side**2
        picks = torch.randint(
            vectors, (self.settings.entries,), generator=generator, device=generator.device
        )
        return {"picks": picks}

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The error of the reconstruction, and what ties vectors and entries (equation 3)."""
        z, quantised = self.quantise(networks, batch.x)
        return self.with_code_losses(
            self._error(networks, batch.x, quantised.straight), z, quantised
        )

    def quantise(self, networks: nn.ModuleDict, x: Tensor) -> tuple[Tensor, Quantised]:
        """Images N×C×S×S → their vectors N×D×H×W, and what the codebook makes of these."""
        z = at_least_float32(networks["encoder"](x))
        quantised: Quantised = networks["quantiser"](z)
        return z, quantised

    def with_code_losses(self, reconstruction: Tensor, z: Tensor, quantised: Quantised) -> Losses:
        """The loss whose part about images is `reconstruction`, and its parts by name."""
        commitment = commitment_loss(z, quantised.entries)
        loss = reconstruction + self.settings.commitment * commitment
        parts = {"reconstruction": reconstruction, "commitment": commitment}
        if self.settings.codebook == "gradient":
            parts["codebook"] = codebook_loss(z, quantised.entries)
            loss = loss + parts["codebook"]
        entries = self.settings.entries
        parts["perplexity"] = perplexity(quantised.symbols, entries)
        parts["usage"] = (usage_shares(quantised.symbols, entries) > 0).float().mean()
        return {"loss": loss, **parts}

    def follow(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> None:
        """Moves the codebook after a step (appendix A.1)."""
        quantiser: Any = networks["quantiser"]
        z = at_least_float32(networks["encoder"](batch.x))
        quantiser.follow(z, noise["picks"], self.settings.decay)

    def prior_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """Minus the log probability of the images' symbols, in nats per image."""
        quantiser, prior = networks["quantiser"], networks["prior"]
        with torch.no_grad():
            symbols = quantiser(at_least_float32(networks["encoder"](batch.x))).symbols
        likelihood: Any = prior
        return {"loss": -likelihood.log_likelihood(symbols).mean()}

    @property
    def side(self) -> int:
        """The side of the map of symbols."""
        return map_size(self.shape.size, self.settings.factor)

    def _error(self, networks: nn.ModuleDict, x: Tensor, codes: Tensor) -> Tensor:
        decoder: Any = networks["decoder"]
        loss = RECONSTRUCTION_LOSSES[self.settings.loss]
        made = decoder.logits(codes) if loss.of_logits else decoder(codes)
        return loss.compute(x, made)

    @torch.no_grad()
    def symbols(self, x: Tensor) -> Tensor:
        """x N×C×S×S → entries of the codebook, int64 N×H×W."""
        symbols: Tensor = self.networks["quantiser"](self.networks["encoder"](x)).symbols
        return symbols

    @torch.no_grad()
    def code_bits(self, x: Tensor) -> Tensor:
        """x N×C×S×S → minus log₂ of the prior's probability of its symbols, N: their length by an
        arithmetic code.
        """
        prior: Any = self.networks["prior"]
        nats: Tensor = prior.log_likelihood(self.symbols(x))
        return -nats / math.log(2)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """x N×C×S×S → its entries, side by side: N×(code_width·H·W)."""
        quantiser: Any = self.networks["quantiser"]
        codes: Tensor = quantiser.embed(self.symbols(x)).flatten(1)
        return codes

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Codes N×(code_width·H·W) → images N×C×S×S in [-1, 1]."""
        maps = z.view(len(z), self.settings.code_width, self.side, self.side)
        return in_range(self.networks["decoder"](maps), self.shape)

    def reconstruct(self, x: Tensor) -> Tensor:
        """x N×C×S×S → x̂, both in [-1, 1]."""
        return self.decode(self.encode(x))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n images N×C×S×S in [-1, 1], from the prior alone."""
        prior: Any = self.networks["prior"]
        quantiser: Any = self.networks["quantiser"]
        shape = (n, self.side, self.side)
        uniforms = torch.rand(shape, generator=generator, device=generator.device)
        return self.decode(quantiser.embed(prior.sample(uniforms)).flatten(1))
