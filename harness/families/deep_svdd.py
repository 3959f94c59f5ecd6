"""Deep SVDD (Ruff et al. 2018, ICML, "Deep one-class classification"): codes of normal images are
drawn to one point, and anomalous is what lies far from it.
"""

from __future__ import annotations

from typing import Annotated, Any

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from harness.data.batch import Batch
from harness.families.base import (
    Family,
    FamilySettings,
    Losses,
    Noise,
    Phase,
    Player,
    TrainingImages,
)
from harness.families.builders import at_least_float32, check_sources, no_noise
from harness.networks.bias_free import BiasFreeEncoder, Centre
from harness.networks.convnet import Decoder
from harness.objectives.reconstruction import squared_error


class DeepSVDDSettings(FamilySettings):
    """`width`: channels after the first halving; `latent`: numbers in the code. `pretraining`: the
    share of training in which the encoder is that of an autoencoder; 0 for none.
    """

    width: PositiveInt = 16
    latent: PositiveInt = 32
    pretraining: Annotated[float, Field(ge=0, lt=1)] = 0.4


class DeepSVDD(Family):
    """An encoder without biases, the point that codes are drawn to, and a decoder to pretrain."""

    Settings = DeepSVDDSettings
    settings: DeepSVDDSettings

    def build(self) -> nn.ModuleDict:
        """Encoder and centre, and the decoder where there is a pretraining."""
        s, shape = self.settings, self.shape
        check_sources(shape, "deep SVDD")
        sizes = (shape.channels, shape.size, s.width)
        networks = nn.ModuleDict(
            {"encoder": BiasFreeEncoder(*sizes, s.latent), "centre": Centre(s.latent)}
        )
        if s.pretraining:
            networks["decoder"] = Decoder(s.latent, *sizes, nn.LeakyReLU(0.2))
        return networks

    def phases(self) -> tuple[Phase, ...]:
        """The autoencoder, and the description of normal codes, which begins with their centre."""
        optimizer, share = self.settings.optimizer, self.settings.pretraining
        model = Player("model", ("encoder",), no_noise, self.loss, optimizer)
        description = Phase((model,), "description", 1 - share, begin=self.fit_centre)
        if not share:
            return (description,)
        coders = Player(
            "autoencoder", ("encoder", "decoder"), no_noise, self.reconstruction_loss, optimizer
        )
        return (Phase((coders,), "pretraining", share), description)

    def fit_centre(
        self, networks: nn.ModuleDict, images: TrainingImages, generator: torch.Generator
    ) -> None:
        """Fits the centre to the codes of all training images; nothing is random."""
        codes = torch.cat([networks["encoder"](batch.x) for batch in images.epoch()])
        centre: Any = networks["centre"]
        centre.fit(codes)

    def reconstruction_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The squared error of the autoencoder."""
        made = at_least_float32(networks["decoder"](networks["encoder"](batch.x)))
        return {"loss": squared_error(batch.x, made)}

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """E ‖φ(x) − c‖² (equation 4); the optimiser's weight decay is its second term."""
        codes = at_least_float32(networks["encoder"](batch.x))
        return {"loss": networks["centre"](codes).mean()}

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """x N×C×S×S → codes N×latent."""
        codes: Tensor = self.networks["encoder"](x)
        return codes

    @torch.no_grad()
    def score(self, x: Tensor) -> Tensor:
        """x N×C×S×S → the squared distances of their codes from the centre, N (equation 5)."""
        distances: Tensor = self.networks["centre"](self.encode(x))
        return distances
